#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the captures that offline.sh measures with, from a real server and client; what is there already is kept.
# usage: BUILD=build tests/bench/captures.sh DIRECTORY
#   short.pcap   131072 HTTP sessions of some 12 packets, at least 380 MB
#   bulk.pcap    2 GB of bulk transfers, one way and the other, side by side
#   large.pcap   over 4 GB: short.pcap, then bulk.pcap twice
# Segmentation is off, so that packets are as they are on a wire.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

dir=${1:?usage: tests/bench/captures.sh DIRECTORY}
sessions=131072 body_bytes=2300 bulk_bytes=475000000 tries=3
capture_buffer_kb=524288

record() { # FILE COMMAND...: what COMMAND sends, every packet of it; 1 when the kernel dropped some
    local file=$1 pid dropped
    shift
    rm -f "$WORK/capture.pcap"
    spawn "$NS_A" tcpdump 'listening on' tcpdump -i "$IF_A" -n -s 0 -B "$capture_buffer_kb" -Z root -w "$dir/part.pcap" tcp
    pid=$SPAWNED
    "$@" || return 1
    sleep 2
    end_process "$pid" INT
    dropped=$(sed -n 's/ packets dropped by kernel$//p' "$WORK/tcpdump.out")
    [ "${dropped:-0}" -eq 0 ] || { echo "$file: $dropped packets dropped, again" >&2; return 1; }
    mv "$dir/part.pcap" "$file"
}

send_short() {
    in_b "$TRAFFIC" client --addr "$A4" --port 80 --count "$sessions" --concurrency 64 --path "/$body_bytes" "${SOURCES[@]}" >&2
}

send_bulk() {
    local pid status=0
    in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --count 2 --bytes "$bulk_bytes" --up >&2 &
    pid=$!
    in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --count 2 --bytes "$bulk_bytes" --down >&2 || status=1
    wait "$pid" && return "$status"
}

make() { # NAME COMMAND...
    local file=$dir/$1.pcap i
    [ ! -s "$file" ] || return 0
    for ((i = 0; i < tries; i++)); do
        ! record "$file" "${@:2}" || return 0
    done
    die "cannot capture $1"
}

need_root
need tcpdump ip
mkdir -p "$dir"
if [ ! -s "$dir/short.pcap" ] || [ ! -s "$dir/bulk.pcap" ]; then
    # shellcheck disable=SC2119
    ns_pair
    more_sources 8
    ip -n "$NS_A" link set "$IF_A" gso_max_segs 1
    ip -n "$NS_B" link set "$IF_B" gso_max_segs 1
    spawn_server "$NS_A" server server --addr "$A4" --port 80
    make short send_short
    make bulk send_bulk
fi
if [ ! -s "$dir/large.pcap" ]; then
    "$BUILD/tests/bench/repeat_capture" "$dir/bulk.pcap" "$dir/part.pcap" 2 || die "cannot make large.pcap"
    { cat "$dir/short.pcap" && tail -c +25 "$dir/part.pcap"; } >"$dir/both.pcap" || die "cannot make large.pcap"
    rm "$dir/part.pcap"
    mv "$dir/both.pcap" "$dir/large.pcap"
fi
