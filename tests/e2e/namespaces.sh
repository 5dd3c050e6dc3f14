#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: with --netns, interfaces inside of other namespaces are tracked. What passes both ends of a pair is one session,
# counted once, with both in its path and the namespace in host.netns; the same addresses, ports and ifindex in two
# namespaces are two sessions; a namespace that is made later is found, one that is deleted is let go. By TCX and clsact.
# alone: it looks into all namespaces, other tests' too, and holds one that goes for up to 2 s.
. "$(dirname "$0")/lib.sh"
need_root
need jq python3

NAMES=nv$$
ns_pair
ip -n "$NS_A" link set "$IF_A" down
ip -n "$NS_A" link set "$IF_A" name "$NAMES-a"
ip -n "$NS_A" link set "$NAMES-a" up
IF_A=$NAMES-a

ns_alike "$NAMES" "sst-$$-p"
ns_alike "$NAMES" "sst-$$-r"
sleep 1

udp() { # NETNS: packets and interfaces of its datagrams
    record_query 'select(.["@type"] == "UdpSession" and .src.port == 5000 and .host.netns == $ns) |
        [.out.packets, (.link.interfaces | join(","))] | join(" ")' --arg ns "$1"
}

# ---- named ones: both ends of the pair, and the two alike

named() { # NAME HOOKS: a pattern
    OUT=$WORK/$1
    start_sesstap -i "$IF_A" -i "$IF_B" -i "$NAMES" -o "$OUT" --prom "$PROM" --netns "/run/netns/$NS_B" \
        --netns "/run/netns/sst-$$-p" --netns "/run/netns/sst-$$-r"
    spawn_server "$NS_A" "server-$1" server --addr "$A4" --port 80
    assert_true "$1: clients" in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 20 --path /3000 --log "$WORK/log-$1"
    say "sst-$$-p" 3
    say "sst-$$-r" 5
    end_process "$SPAWNED" KILL
    sleep 0.6
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_true "$1: hooks" grep -Eq "^sesstap: tracking .* by ($2)\b" "$SESSTAP_ERR"
    assert_eq "$1: sessions" 20 "$(record_count '.["@type"] == "TcpSession"')"
    assert_eq "$1: their path" "[\"$NS_B/$IF_B\",\"$IF_A\"]" \
        "$(record_query 'select(.["@type"] == "TcpSession") | .link.interfaces | tojson' | sort -u)"
    assert_eq "$1: their namespace" "$NS_B" "$(record_query 'select(.["@type"] == "TcpSession") | .host.netns' | sort -u)"
    assert_eq "$1: their payload" "$(awk '{ up += $5; down += $6 } END { print up, down }' "$WORK/log-$1")" \
        "$(record_query -n '[inputs | select(.["@type"] == "TcpSession")] |
        [([.[].out.payload] | add), ([.[].in.payload] | add)] | join(" ")')"
    assert_eq "$1: as many packets are other_hop as the sessions of both ends have" \
        "$(record_query -n '[inputs | select(.link.interfaces | length == 2) | .packetsCount] | add')" \
        "$(metric sesstap_unaccounted_packets_total 'reason="other_hop"')"
    assert_eq "$1: datagrams of one" "3 sst-$$-p/$NAMES" "$(udp "sst-$$-p")"
    assert_eq "$1: and of the other" "5 sst-$$-r/$NAMES" "$(udp "sst-$$-r")"
}
named default 'tcx|clsact'
SESSTAP_TC=clsact named clsact clsact
assert_eq "no qdisc of ours stays" "" "$(in_b tc qdisc show dev "$IF_B" clsact)"

# ---- all of them: those to come, and to go

OUT=$WORK/all
start_sesstap -i "$NAMES*" --netns all -o "$OUT"
ns_new "sst-$$-new"
ip link add "$NAMES-n" netns "$NS_B" type veth peer name "$NAMES-m" netns "sst-$$-new" || die "cannot make a veth pair"
ip -n "$NS_B" addr add 10.9.0.1/24 dev "$NAMES-n"
ip -n "sst-$$-new" addr add 10.9.0.2/24 dev "$NAMES-m"
ip -n "$NS_B" link set "$NAMES-n" up
ip -n "sst-$$-new" link set "$NAMES-m" up
sleep 1.5
say "$NS_B" 4
say "sst-$$-p" 2
ip netns del "sst-$$-new"
for ((i = 0; i < 40; i++)); do
    in_b test -e "/sys/class/net/$NAMES-n" || break
    sleep 0.1
done
assert_true "a deleted namespace is let go within 2 s" test $i -lt 20
sleep 0.3
stop_sesstap
assert_eq "all: exit status" 0 $?
totals
assert_eq "all: of a new namespace, both ends" "4 $NS_B/$NAMES-n,sst-$$-new/$NAMES-m" "$(udp "$NS_B")"
assert_eq "all: apart from the same elsewhere" "2 sst-$$-p/$NAMES" "$(udp "sst-$$-p")"
finish
