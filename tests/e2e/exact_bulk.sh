#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: 2 GB each way over the veth with segmentation offload on are counted to the byte; packets are wire packets (the
# kernel's own count of TCP segments), header bytes fit them, and skbs are those of the interface.      timeout: 300
. "$(dirname "$0")/lib.sh"
need_root
need jq

BYTES=2000000000

# Checks the one record of the transfer that just ran. The wire has as many packets as TCP says that it has sent.
check_record() { # DIRECTION SEGMENTS
    local book=$WORK/$1.log up down
    read -r _ _ _ _ up down _ <"$book"
    assert_eq "$1: records" 1 "$(record_count ".[\"@type\"] == \"TcpSession\"")"
    assert_eq "$1: end" "CLOSED fin server" "$(record_query '[.state, .close.reason, .close.by] | join(" ")')"
    assert_eq "$1: out.payload" "$up" "$(record_query '.out.payload - (.tcp.quality_fwd.retransmit_bytes // 0)')"
    assert_eq "$1: in.payload" "$down" "$(record_query '.in.payload - (.tcp.quality_rev.retransmit_bytes // 0)')"
    assert_eq "$1: wire packets" "$2" "$(record_query .packetsCount)"
    assert_eq "$1: IP header bytes are 20 a packet" $((20 * $2)) "$(record_query '.out.ip + .in.ip')"
    # 32 with the timestamps option; the SYNs have 40, and selective acknowledgements add to that
    assert_true "$1: TCP header bytes are 32 to 33 a packet" test "$(record_query \
        "(.out.tcp + .in.tcp) as \$h | \$h >= 32 * $2 and \$h <= 33 * $2 + 16")" = true
}

transfer() { # DIRECTION ADDRESS
    local before after segments
    rm -rf "$OUT"
    wait_quiet
    before=$(iface_total "$NS_A" "$IF_A")
    start_sesstap -o "$OUT" --prom "$PROM"
    segments=$(tcp_segments)
    assert_true "$1: transfer" in_b "$TRAFFIC" bulk "--$1" --addr "$2" --port 80 --bytes $BYTES --log "$WORK/$1.log"
    segments=$(($(tcp_segments) - segments))
    wait_quiet
    after=$(iface_total "$NS_A" "$IF_A")
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: seen = skbs of the interface" $((after - before)) "$SEEN"
    assert_eq "$1: skbs_total = skbs of the interface" $((after - before)) "$(metric sesstap_skbs_total)"
    assert_true "$1: skbs are fewer than packets, offload was on" test $((after - before)) -lt $((segments / 2))
    check_record "$1" "$segments"
    assert_ledgers
}

ns_pair
spawn_server "$NS_A" server server --addr "$A4" --port 80
transfer down "$A4"
transfer up "$A4"
finish
