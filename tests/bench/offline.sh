#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `sesstap read` against the programs that read captures, whole processes, page cache warm, medians of alternating runs.
# usage: BUILD=build tests/bench/offline.sh         ROUNDS=5; raw numbers: $BUILD/bench/offline_*.txt
# Prints the tables for docs/performance.md, in about six minutes on a quiet machine; what takes 40 s of
# CPU time (TIME_LIMIT_S) is ended, and not run again. All write to the same folder: on tmpfs (OUTPUT=/dev/shm) unless it is small.
# The captures are made once, in CAPTURES (default build/bench): 7 GB.
set -eu

BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-5}
here=$(dirname "$0")
captures=${CAPTURES:-build/bench}
raw=$BUILD/bench
need_output_kb=4000000 need_captures_kb=9500000
export BUILD PATH=$PATH:/usr/sbin TIME_LIMIT_S=${TIME_LIMIT_S:-40}

mkdir -p "$raw" "$captures"
if [ ! -s "$captures/large.pcap" ] && [ "$(df --output=avail -k "$captures" | tail -n 1)" -lt "$need_captures_kb" ]; then
    echo "the captures need $need_captures_kb KB in $captures: set CAPTURES to a folder with more room" >&2
    exit 1
fi
"$here/captures.sh" "$captures"
load=$(cut -d ' ' -f 1 /proc/loadavg)
output=${OUTPUT:-/dev/shm}
[ "$(df --output=avail -k "$output" | tail -n 1)" -gt "$need_output_kb" ] || output=$raw
output=$output/sesstap-offline.$$
trap 'rm -rf "$output"' EXIT

measure() { # NAME FILE [PROGRAM=COMMAND]...: of the programs that are here; in COMMAND, FILE and DIR are put in
    local name=$1 file=$captures/$2.pcap one command commands=()
    shift 2
    for one; do
        command=${one#*=}
        if [ ! -x "${command%% *}" ] && ! command -v "${command%% *}" >/dev/null; then
            echo "${command%% *} is not installed: left out (scripts/deps.sh bench)" >&2
            continue
        fi
        command=${command//FILE/$file}
        commands+=("${one%%=*}=${command//DIR/$output}")
    done
    echo "  BENCH   offline_$name" >&2
    cat "$file" >/dev/null
    "$here/measure.py" "$ROUNDS" "$output" "${commands[@]}" >"$raw/offline_$name.txt"
}

sesstap=$BUILD/sesstap
readers=("sesstap_read=$sesstap read -o DIR FILE" "sesstap_no_app=$sesstap read --no-app -o DIR FILE"
    "tcpdump=tcpdump -r FILE -w /dev/null"
    "softflowd=softflowd -d -r FILE -m 1000000" "nfpcapd=nfpcapd -r FILE -w DIR"
    "tshark=tshark -q -z conv,tcp -r FILE" "tcpflow=tcpflow -r FILE -o DIR")
writers=("sesstap_streams=$sesstap read --streams -o DIR FILE" "tcpflow=tcpflow -r FILE -o DIR")

measure short short "${readers[@]}"
measure bulk bulk "${readers[@]}"
measure short_streams short "${writers[@]}"
measure bulk_streams bulk "${writers[@]}"
ROUNDS=1 measure memory large "sesstap_read=$sesstap read -o DIR FILE"
echo "$(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), kernel $(uname -r), load before the" \
    "run $load, $(date -u +%F), \`ROUNDS=$ROUNDS tests/bench/offline.sh\`." >"$raw/offline_machine.txt"
"$here/offline_table.py" "$captures" "$raw" | tee "$raw/offline_table.md"
