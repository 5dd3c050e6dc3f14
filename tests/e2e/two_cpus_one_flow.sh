#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: two CPUs that send on one UDP flow at full speed lose no count, neither where sesstap sees the packets come in
# nor where it sees them go out.
# alone: both CPUs are to send at full speed.
. "$(dirname "$0")/lib.sh"
need_root
need jq
[ "$(nproc)" -ge 2 ] || skip "NOT RUN, it needs two CPUs"

SIZE=200

# On egress every datagram that send() took passes the hook; on ingress those that the veth did not drop before it.
hammer() { # NAME SENDER-NAMESPACE SENDER-IFACE SERVER-NAMESPACE SERVER-ADDRESS
    local before dropped sent expected
    rm -rf "$OUT"
    wait_quiet
    before=$(iface_total "$NS_A" "$IF_A")
    dropped=$(iface_stat "$2" "$3" tx_dropped)
    start_sesstap -o "$OUT" --prom "$PROM"
    spawn_server "$4" sink udp-server --sink --addr "$5" --port 9000
    in_ns "$2" "$TRAFFIC" hammer --addr "$5" --port 9000 --seconds 3 --threads 2 --size $SIZE --log "$WORK/$1.log" ||
        fail "$1: hammer"
    end_process "$SPAWNED" TERM
    wait_quiet
    dropped=$(($(iface_stat "$2" "$3" tx_dropped) - dropped))
    sent=$(awk '{ print $10 }' "$WORK/$1.log")
    expected=$sent
    [ "$2" = "$NS_A" ] || expected=$((sent - dropped))
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: seen = skbs of the interface" $(($(iface_total "$NS_A" "$IF_A") - before)) "$SEEN"
    assert_eq "$1: one record" 1 "$(record_count '.["@type"] == "UdpSession"')"
    assert_eq "$1: packets ($sent sent, $dropped dropped by the veth)" "$expected" "$(record_query '
        select(.["@type"] == "UdpSession") | .packetsCount')"
    assert_eq "$1: payload" $((expected * SIZE)) "$(record_query 'select(.["@type"] == "UdpSession") | .out.payload')"
    assert_eq "$1: nothing came back" 0 "$(record_query 'select(.["@type"] == "UdpSession") | .in.payload')"
    assert_ledgers
}

ns_pair
hammer ingress "$NS_B" "$IF_B" "$NS_A" "$A4"
hammer egress "$NS_A" "$IF_A" "$NS_B" "$B4"
finish
