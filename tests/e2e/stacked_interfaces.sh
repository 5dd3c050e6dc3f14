#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: bridges, VLAN devices and bonds are tracked by name, alone and with what they are on: what passes both is one session,
# counted once, with both in its path. At a VLAN device the tag is gone, at the one below it is in the record. Bytes are those
# that the client counted.
. "$(dirname "$0")/lib.sh"
need_root
need jq

ns_pair # va and vb carry a VLAN
ip -n "$NS_A" link add link "$IF_A" name "$IF_A.5" type vlan id 5 2>/dev/null && has_vlan=1
if [ -n "${has_vlan-}" ]; then
    ip -n "$NS_B" link add link "$IF_B" name "$IF_B.5" type vlan id 5
    ip -n "$NS_A" addr add 10.80.5.1/24 dev "$IF_A.5"
    ip -n "$NS_B" addr add 10.80.5.2/24 dev "$IF_B.5"
    ip -n "$NS_A" link set "$IF_A.5" up
    ip -n "$NS_B" link set "$IF_B.5" up
fi

join() { # KIND: an interface of that kind in A, 10.80.x.1, over port-x; end-x in B, 10.80.x.2
    ip link add "port-$1" netns "$NS_A" type veth peer name "end-$1" netns "$NS_B" || die "cannot make a veth pair"
    ip -n "$NS_A" link set "port-$1" master "$1"0 || die "cannot put a veth into a $1"
    ip -n "$NS_A" addr add "10.80.$2.1/24" dev "$1"0
    ip -n "$NS_B" addr add "10.80.$2.2/24" dev "end-$1"
    ip -n "$NS_A" link set "port-$1" up
    ip -n "$NS_A" link set "$1"0 up
    ip -n "$NS_B" link set "end-$1" up
}
ip -n "$NS_A" link add br0 type bridge || skip "NOT RUN, the kernel has no bridges"
ip -n "$NS_A" link set br0 up
ip -n "$NS_A" link add bond0 type bond mode active-backup miimon 50 2>/dev/null && has_bond=1
join br 6
[ -z "${has_bond-}" ] || join bond 7

spawn_server "$NS_A" server server --addr 0.0.0.0 --port 80
sleep 0.5

# CASE SERVER PATH VLAN OPTION...: ten connections with these interfaces tracked
crossing() {
    local name=$1 server=$2 path=$3 vlan=$4
    shift 4
    OUT=$WORK/$name
    start_sesstap -o "$OUT" --prom "$PROM" "$@"
    assert_true "$name: clients" in_b "$TRAFFIC" client --addr "$server" --port 80 --count 10 --path /20000 --log "$WORK/$name.log"
    sleep 0.7
    stop_sesstap
    assert_eq "$name: exit status" 0 $?
    totals
    assert_eq "$name: sessions" 10 "$(record_count '.["@type"] == "TcpSession"')"
    assert_eq "$name: path and tag" "$path $vlan" "$(record_query 'select(.["@type"] == "TcpSession") |
        [(.link.interfaces | join(",")), (.link.vlan // "none" | tostring)] | join(" ")' | sort -u)"
    assert_eq "$name: bytes" "$(awk '{ up += $5; down += $6 } END { print up, down }' "$WORK/$name.log")" \
        "$(record_sum 'select(.["@type"] == "TcpSession") | .out.payload - (.tcp.quality_fwd.retransmit_bytes // 0)') $(
            record_sum 'select(.["@type"] == "TcpSession") | .in.payload - (.tcp.quality_rev.retransmit_bytes // 0)')"
    assert_eq "$name: packets of all records + unaccounted" "$(metric sesstap_packets_total)" \
        $(($(record_sum .packetsCount) + $(metric sesstap_unaccounted_packets_total)))
}

if [ -n "${has_vlan-}" ]; then
    crossing vlan 10.80.5.1 "$IF_A.5" none -i "$IF_A.5"
    crossing vlan-and-below 10.80.5.1 "$IF_A,$IF_A.5" '[5]' -i "$IF_A" -i "$IF_A.5"
else
    echo "SKIP stacked_interfaces vlan: this kernel has no VLAN devices"
fi
crossing bridge 10.80.6.1 br0 none -i br0
crossing bridge-and-port 10.80.6.1 port-br,br0 none -i 'port-*' -i br0
if [ -n "${has_bond-}" ]; then
    crossing bond 10.80.7.1 bond0 none -i bond0
    crossing bond-and-member 10.80.7.1 port-bond,bond0 none -i bond0 -i port-bond
else
    echo "SKIP stacked_interfaces bond: this kernel has no bonds"
fi
finish
