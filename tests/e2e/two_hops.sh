#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: what crosses two tracked interfaces, from one container over a bridge to another, is one session with both in
# its path, each wire packet of it counted once; the other half is unaccounted as other_hop, in packets and socket buffers.
# So is what lo receives: it passed on its way out.
. "$(dirname "$0")/lib.sh"
need_root
need jq ping

# A is the host with a bridge; B and C are containers at it.
NS_A=sst-$$-a NS_B=sst-$$-b NS_C=sst-$$-c
for ns in "$NS_A" "$NS_B" "$NS_C"; do
    ns_new "$ns"
done
in_a sysctl -qw net.ipv6.conf.default.disable_ipv6=1
in_b sysctl -qw net.ipv6.conf.default.disable_ipv6=1
in_ns "$NS_C" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
ip -n "$NS_A" link add br0 type bridge
ip -n "$NS_A" link set br0 up
for side in b c; do
    ip link add veth-$side netns "$NS_A" type veth peer name eth0 netns "sst-$$-$side" || die "cannot make a veth pair"
    ip -n "$NS_A" link set veth-$side master br0 up
done
ip -n "$NS_B" addr add 10.79.0.2/24 dev eth0
ip -n "$NS_C" addr add 10.79.0.3/24 dev eth0
ip -n "$NS_B" link set eth0 up
ip -n "$NS_C" link set eth0 up
spawn_server "$NS_C" server server --addr 10.79.0.3 --port 80
sleep 0.3
start_sesstap -o "$OUT" --prom "$PROM"
assert_true "transfer" in_b "$TRAFFIC" bulk --addr 10.79.0.3 --port 80 --bytes 50000000 --log "$WORK/bulk.log"
assert_true "short ones" in_b "$TRAFFIC" client --addr 10.79.0.3 --port 80 --count 100 --path /3000
sleep 0.7
stop_sesstap
assert_eq "exit status" 0 $?

totals
read -r _ _ _ _ up down _ <"$WORK/bulk.log"
assert_eq "records" 101 "$(record_count '.["@type"] == "TcpSession"')"
assert_eq "path of all" '["veth-b","veth-c"]' "$(record_query 'select(.["@type"] == "TcpSession") | .link.interfaces | tojson' | sort -u)"
assert_eq "bytes of the transfer" "$up $down" "$(record_query 'select(.in.payload > 1000000) |
    [.out.payload - .tcp.quality_fwd.retransmit_bytes, .in.payload - .tcp.quality_rev.retransmit_bytes] | join(" ")')"
assert_eq "as many socket buffers are other_hop as are tracked" "$TRACKED" \
    "$(grep -o 'other_hop [0-9]*' "$SESSTAP_ERR" | cut -d ' ' -f 2)"
assert_eq "as many wire packets are other_hop as the records have" "$(record_sum .packetsCount)" \
    "$(metric sesstap_unaccounted_packets_total 'reason="other_hop"')"
assert_true "of several to a socket buffer" test "$(record_sum .packetsCount)" -gt $((2 * TRACKED))
assert_eq "packets_total = packets of all records + unaccounted" "$(metric sesstap_packets_total)" \
    $(($(record_sum .packetsCount) + $(metric sesstap_unaccounted_packets_total)))

OUT=$WORK/lo
start_sesstap -i lo -o "$OUT"
assert_true "pings at lo" in_a ping -q -c 3 -i 0.2 127.0.0.1
stop_sesstap
assert_eq "lo: exit status" 0 $?
totals
assert_eq "lo: pings and answers, each once" "6 168 168" \
    "$(record_query '[.packetsCount, .out.payload, .in.payload] | join(" ")')"
finish
