#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: an interface that appears while sesstap runs is tracked within 100 ms, ten times out of ten: a connection opened
# then is in a record from its SYN on. When the interface goes, the sessions seen there are still recorded, open ones too.
# A process of a namespace that is no container is not named.
# alone: 100 ms are not to be spent on waiting for a CPU.
. "$(dirname "$0")/lib.sh"
need_root
need jq

ROUNDS=10
WITHIN_US=100000
HALF_REQUEST='GET /1 HTTP/1.0' # what the connection that stays open has sent: 15 bytes

now_us() { echo "${EPOCHREALTIME/./}"; }

new_interface() { # N: joins A and B by a second veth, 10.78.N.1 and 10.78.N.2, and waits the rest of the 100 ms
    local start left
    start=$(now_us)
    ip link add "new$1" netns "$NS_A" type veth peer name "peer$1" netns "$NS_B" || die "cannot make a veth pair"
    ip -n "$NS_A" -batch - <<<"addr add 10.78.$1.1/24 dev new$1
        link set new$1 up"
    ip -n "$NS_B" -batch - <<<"addr add 10.78.$1.2/24 dev peer$1
        link set peer$1 up"
    left=$((WITHIN_US - ($(now_us) - start)))
    [ $left -le 0 ] || sleep "$(printf '0.%06d' $left)"
}

ns_pair
spawn_server "$NS_A" http server --addr 0.0.0.0 --port 80
spawn_server "$NS_A" echo udp-server --addr 0.0.0.0 --port 7
start_sesstap -o "$OUT" --prom "$PROM"
for ((n = 0; n < ROUNDS; n++)); do
    new_interface $n
    in_b "$TRAFFIC" client --addr "10.78.$n.1" --port 80 --path /500 --log "$WORK/tcp-$n.log" || fail "client $n"
    in_b "$TRAFFIC" udp-client --addr "10.78.$n.1" --port 7 --count 3 --log "$WORK/udp-$n.log" || fail "udp-client $n"
    in_b bash -c 'exec 3<>"/dev/tcp/10.78.$0.1/80" && printf "%s" "$1" >&3 && echo open && exec sleep 60' \
        $n "$HALF_REQUEST" >"$WORK/open-$n" &
    on_exit end_process $! KILL
    for ((i = 0; i < 100; i++)); do
        [ ! -s "$WORK/open-$n" ] || break
        sleep 0.02
    done
    ip -n "$NS_A" link del "new$n"
done
sleep 0.5
stop_sesstap
assert_eq "exit status" 0 $?
totals
assert_eq "records that name a process though no container is known" 0 \
    "$(record_count '.host.container == null and (.host.process != null or .host.pid != null)')"

for ((n = 0; n < ROUNDS; n++)); do
    there="select(.dst.ip == \"10.78.$n.1\" and .link.interfaces == [\"new$n\"])"
    read -r _ port _ _ up down _ <"$WORK/tcp-$n.log"
    assert_eq "new$n: the closed connection" "CLOSED false $up $down" "$(record_query "$there |
        select(.[\"@type\"] == \"TcpSession\" and .src.port == $port) |
        [.state, .missedSyn // false, .out.payload, .in.payload] | join(\" \")")"
    assert_eq "new$n: the open connection" "ESTABLISHED false ${#HALF_REQUEST} 0" "$(record_query "$there |
        select(.[\"@type\"] == \"TcpSession\" and .src.port != $port) |
        [.state, .missedSyn // false, .out.payload, .in.payload] | join(\" \")")"
    assert_eq "new$n: the datagrams" "6 300 300" "$(record_query "$there | select(.[\"@type\"] == \"UdpSession\") |
        [.packetsCount, .out.payload, .in.payload] | join(\" \")")"
done
finish
