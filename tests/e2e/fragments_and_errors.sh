#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: pings of 20000 bytes and UDP datagrams of 20000 bytes, both in fragments, both ways, IPv4 and IPv6, are one session
# each, every fragment a packet of it, and their streams what was sent; ICMP errors of the kernel (port, host, route
# unreachable, TTL exceeded) stand in the record of the session that they quote; a VXLAN's session is found with --tunnels.
. "$(dirname "$0")/lib.sh"
need_root
need jq ping socat curl

ns_pair
in_a sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 \
    net.ipv4.icmp_msgs_per_sec=100000 net.ipv6.icmp.ratelimit=0
ip -n "$NS_B" route add default via "$A4"
ip -n "$NS_B" -6 route add default via "$A6"
# A is the router to a network where no host answers, and asks there once, for 100 ms.
ip -n "$NS_A" link add wa type veth peer name wb || die "cannot make a veth pair"
ip -n "$NS_A" link set wa up
ip -n "$NS_A" link set wb up
ip -n "$NS_A" addr add 10.88.0.254/24 dev wa
in_a sysctl -qw net.ipv4.neigh.wa.mcast_solicit=1 net.ipv4.neigh.wa.retrans_time_ms=100
# No neighbour need be asked for again while packets are counted.
for version in 4 6; do
    mine=A$version theirs=B$version
    ip -n "$NS_A" neigh replace "${!theirs}" dev "$IF_A" nud permanent lladdr "$(in_b cat "/sys/class/net/$IF_B/address")"
    ip -n "$NS_B" neigh replace "${!mine}" dev "$IF_B" nud permanent lladdr "$(in_a cat "/sys/class/net/$IF_A/address")"
done
ip -n "$NS_A" -6 route add unreachable fd88::1

begin() { # NAME ARGUMENT...
    OUT=$WORK/$1
    wait_quiet
    BEFORE=$(iface_total "$NS_A" "$IF_A")
    start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM" "${@:2}"
}

end() { # NAME
    sleep 0.5
    after=$(iface_total "$NS_A" "$IF_A")
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: seen = skbs of the interface" $((after - BEFORE)) "$SEEN"
}

# ---- fragments

head -c 60000 /dev/urandom >"$WORK/sent"
echo_of() { # socat ADDRESS-KIND, SERVER, PORT: three datagrams of 20000 bytes there and back
    spawn "$NS_A" "echo-$3" 'listening' socat -d -d -b 65000 "UDP$1-LISTEN:$3" PIPE
    for i in 0 1 2; do
        dd if="$WORK/sent" bs=20000 skip=$i count=1 status=none
        sleep 0.1
    done | in_b socat -b 65000 -t 0.3 STDIO "UDP$1:$2:$3" >"$WORK/back-$3"
    assert_true "UDP$1: what came back is what was sent" cmp -s "$WORK/sent" "$WORK/back-$3"
}

begin fragments --streams
assert_true "ping -s 20000" in_b ping -q -c 3 -i 0.2 -s 20000 "$A4"
assert_true "ping -6 -s 20000" in_b ping -6 -q -c 3 -i 0.2 -s 20000 "$A6"
echo_of 4 "$A4" 7004
echo_of 6 "[$A6]" 7006
end fragments
assert_eq "no fragment is without its first" 0 "$(grep -c fragment_no_first "$SESSTAP_ERR")"
# 20008 bytes are 14 fragments, be it of 1480 bytes or of 1448.
assert_eq "pings: one session each: packets, payload there and back" "84 60000 60000
84 60000 60000" "$(record_query 'select(.["@type"] == "IcmpSession" and .out.payload > 1000) |
    [.packetsCount, .out.payload, .in.payload] | join(" ")')"
for port in 7004 7006; do
    assert_eq "UDP $port: one session: packets, payload there and back, all delivered" "84 60000 60000 120000 0" \
        "$(record_query 'select(.dst.port == $port) | [.packetsCount, .out.payload, .in.payload,
            .ledger.payload_delivered, .ledger.payload_lost] | join(" ")' --argjson port "$port")"
    n=$(record_query 'select(.dst.port == $port) | .name | split(".")[0]' --argjson port "$port")
    assert_true "UDP $port: the client's stream is what was sent" cmp "$WORK/sent" "$OUT/streams/$n.client"
    assert_true "UDP $port: the server's stream is what was sent" cmp "$WORK/sent" "$OUT/streams/$n.server"
done
assert_ledgers

# ---- errors

# The errors in the record of the one session to this address and port.
errors_of() { # ADDRESS PORT
    record_query 'select(.dst.ip == $ip and .dst.port == ($port | tonumber)) | [.icmp_errors[]? |
        "\(.type)/\(.code) \(.from) \(.count)"] | join(", ")' --arg ip "$1" --arg port "$2"
}
datagram() { # socat ADDRESS
    echo hello | in_b socat -t 0.1 STDIO "$1" 2>/dev/null
}

begin errors
datagram "UDP4:$A4:9999"
datagram "UDP6:[$A6]:9999"
datagram "UDP4:10.88.0.1:53"
datagram "UDP4:10.88.0.3:53,ip-ttl=1"
datagram "UDP6:[fd88::1]:53"
datagram "TCP4:10.88.0.1:80,connect-timeout=1"
datagram "TCP6:[fd88::1]:80,connect-timeout=1"
end errors
assert_eq "port unreachable" "3/3 $A4 1" "$(errors_of "$A4" 9999)"
assert_eq "IPv6: port unreachable" "1/4 $A6 1" "$(errors_of "$A6" 9999)"
assert_eq "host unreachable" "3/1 $A4 1" "$(errors_of 10.88.0.1 53)"
assert_eq "TTL exceeded" "11/0 $A4 1" "$(errors_of 10.88.0.3 53)"
assert_eq "IPv6: no route" "1/0 $A6 1" "$(errors_of fd88::1 53)"
assert_true "TCP: host unreachable" grep -q "^3/1 $A4 [1-9]" <<<"$(errors_of 10.88.0.1 80)"
assert_true "IPv6, TCP: no route" grep -q "^1/0 $A6 [1-9]" <<<"$(errors_of fd88::1 80)"
assert_eq "every error is in some record" "$(record_sum '[.icmp_errors[]?.count] | add // 0')" \
    "$(record_sum 'if .["@type"] == "IcmpSession" and (.icmp.type < 5 or .icmp.type == 11) then .packetsCount else 0 end')"

# ---- tunnels

vxlan() { # NAMESPACE IFACE REMOTE ADDRESS
    ip -n "$1" link add vx0 type vxlan id 77 remote "$3" dstport 4789 dev "$2" &&
        ip -n "$1" link set vx0 addrgenmode none && ip -n "$1" addr add "$4/24" dev vx0 && ip -n "$1" link set vx0 up
}
echo "left out: devices for Geneve, GRE, IPIP and SIT; their packets are in tests/kernel/test_classification.c"
if ! vxlan "$NS_A" "$IF_A" "$B4" 10.99.0.1 2>/dev/null; then
    echo "SKIP fragments_and_errors tunnels: this kernel has no vxlan devices"
    finish
fi
vxlan "$NS_B" "$IF_B" "$A4" 10.99.0.2 || die "vxlan in B"
ip -n "$NS_A" neigh replace 10.99.0.2 dev vx0 nud permanent lladdr "$(in_b cat /sys/class/net/vx0/address)"
ip -n "$NS_B" neigh replace 10.99.0.1 dev vx0 nud permanent lladdr "$(in_a cat /sys/class/net/vx0/address)"
# shellcheck disable=SC2034 # what lib.sh reads
PAIRED_US=${EPOCHREALTIME/./} # the new devices too say something of their own at first
spawn_server "$NS_A" inside server --addr 10.99.0.1 --port 80
fetch() {
    in_b curl -s -m 10 -o "$WORK/body" http://10.99.0.1/300000
    assert_eq "curl through the VXLAN" "0 300000" "$? $(stat -c %s "$WORK/body")"
}

begin inside --tunnels --streams --depth all
fetch
end inside
assert_eq "--tunnels: the session inside, its tunnel, all its payload" "10.99.0.2 80 300000 vxlan 77 $B4 > $A4" \
    "$(record_query 'select(.["@type"] == "TcpSession") |
        [.src.ip, .dst.port, .in.payload - 62 - (.tcp.quality_rev.retransmit_bytes // 0), .link.tunnel] | join(" ")')"
n=$(record_query 'select(.["@type"] == "TcpSession") | .name | split(".")[0]')
assert_true "--tunnels: its stream ends with the body" cmp "$WORK/body" <(tail -c 300000 "$OUT/streams/$n.server")
assert_eq "--tunnels: nothing of the tunnel itself" 0 "$(record_count '.dst.port == 4789')"
assert_ledgers

begin outside
fetch
end outside
assert_eq "without: no TCP" 0 "$(record_count '.["@type"] == "TcpSession"')"
assert_true "without: the tunnel's datagrams" test "$(record_sum 'if .dst.port == 4789 then .packetsCount else 0 end')" -gt 200
finish
