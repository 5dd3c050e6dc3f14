#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: 2 GB each way over the veth with segmentation offload on are counted to the byte; packets are wire packets (the
# kernel's own count of TCP segments), header bytes fit them, and skbs are those of the interface.      timeout: 300
# alone: where CPUs are scarce TCP sends again, and what it sent in how many segments is then no longer exact.
. "$(dirname "$0")/lib.sh"
need_root
need jq

BYTES=2000000000

SEGMENT=1448 # bytes of payload: what a retransmission of a bulk transfer carries, but for one in a hundred that is shorter

# The payload on the wire is the applications' and what TCP says that it has sent again. The tracker calls no more than
# that retransmitted, and may call it less: when two CPUs deliver one direction of a session at the same moment, it can
# take the later one's segment for a gap, and what is sent again there for new (docs/architecture.md).
check_payload() { # NAME FIELD QUALITY APPLICATION-BYTES RESENT-SEGMENTS
    local wire retransmitted
    wire=$(record_query ".$2.payload")
    retransmitted=$(record_query ".tcp.$3.retransmit_bytes // 0")
    assert_true "$1: payload ($wire) is the application's ($4) and $5 segments sent again" \
        test $((wire - $4 - $5 * SEGMENT)) -le 0 -a $((wire - $4 - $5 * SEGMENT)) -gt $((-SEGMENT * (1 + $5 / 100)))
    assert_true "$1: no more is called retransmitted ($retransmitted) than was" test "$retransmitted" -le $(($5 * SEGMENT))
}

# Checks the one record of the transfer that just ran. The wire has as many packets as TCP says that it has sent.
check_record() { # DIRECTION SEGMENTS RESENT
    local book=$WORK/$1.log up down
    read -r _ _ _ _ up down _ <"$book"
    assert_eq "$1: records" 1 "$(record_count ".[\"@type\"] == \"TcpSession\"")"
    assert_eq "$1: end" "CLOSED fin server" "$(record_query '[.state, .close.reason, .close.by] | join(" ")')"
    if [ "$1" = up ]; then
        check_payload "$1" out quality_fwd "$up" "$3"
        assert_eq "$1: in.payload" "$down" "$(record_query .in.payload)"
    else
        check_payload "$1" in quality_rev "$down" "$3"
        assert_eq "$1: out.payload" "$up" "$(record_query .out.payload)"
    fi
    assert_eq "$1: wire packets" "$2" "$(record_query .packetsCount)"
    assert_eq "$1: IP header bytes are 20 a packet" $((20 * $2)) "$(record_query '.out.ip + .in.ip')"
    # 32 with the timestamps option; the SYNs have 40, and selective acknowledgements add to that
    assert_true "$1: TCP header bytes are 32 to 33 a packet" test "$(record_query \
        "(.out.tcp + .in.tcp) as \$h | \$h >= 32 * $2 and \$h <= 33 * $2 + 16")" = true
}

transfer() { # DIRECTION ADDRESS
    local before after segments resent
    rm -rf "$OUT"
    wait_quiet
    before=$(iface_total "$NS_A" "$IF_A")
    start_sesstap -o "$OUT" --prom "$PROM"
    segments=$(tcp_segments)
    resent=$(tcp_resent)
    assert_true "$1: transfer" in_b "$TRAFFIC" bulk "--$1" --addr "$2" --port 80 --bytes $BYTES --log "$WORK/$1.log"
    segments=$(($(tcp_segments) - segments))
    resent=$(($(tcp_resent) - resent))
    wait_quiet
    after=$(iface_total "$NS_A" "$IF_A")
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_skbs $((after - before)) "$1"
    assert_true "$1: skbs are fewer than packets, offload was on" test $((after - before)) -lt $((segments / 2))
    check_record "$1" "$segments" "$resent"
    assert_ledgers
}

ns_pair
spawn_server "$NS_A" server server --addr "$A4" --port 80
transfer down "$A4"
transfer up "$A4"
finish
