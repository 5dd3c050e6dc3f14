#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: under floods of SYNs, bogus ACKs, random flags, one-packet UDP, fragments that never complete, headers deeper than
# are walked, RSTs out of window and ICMP errors that quote nothing real, each skb is seen and is tracked or counted under
# the reason that is its own; real sessions have exact records all the while; memory is bounded. With a
# table that holds it all, and with one of 1024 sessions.
# alone: the floods are to come at full speed.
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 ss

ATTACK=$BUILD/tests/e2e/attack
LIMIT_KB=$((96 * 1024))
FLOOD=${FLOOD:-$(scaled 5000)}

reason() { # NAME: socket buffers of that reason in the totals, 0: it is not there
    local n
    n=$(grep '^sesstap: packets seen ' "$SESSTAP_ERR" | grep -o "\b$1 [0-9]*" | cut -d ' ' -f 2)
    echo "${n:-0}"
}

attack() { # KIND [SRC SPORT DPORT]: $FLOOD packets from B
    local sent
    sent=$(in_b "$ATTACK" "$1" "$FLOOD" "$IF_B" "$A4" "$A6" "${@:2}")
    assert_eq "$1: packets sent" "$FLOOD" "$sent"
}

# The session that is open from before the first attack to after the last one.
talk_begin() {
    spawn "$NS_A" talk_server listening python3 "$E2E/slow_talk.py" server "$A4" 8081
    spawn "$NS_B" talk listening python3 "$E2E/slow_talk.py" client "$A4" 8081
    TALK=$SPAWNED
    TALK_PORT=$(in_b ss -Htn dst "$A4" dport = 8081 | awk '{ sub(/.*:/, "", $4); print $4 }')
}

talk_end() { # NAME: its record
    end_process "$TALK" TERM
    read -r port up down < <(tail -n 1 "$WORK/talk.out")
    sleep 1.2
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$SESSTAP_PID/status")
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: wire packets = packets of all records + unaccounted" "$(metric sesstap_packets_total)" \
        $(($(record_sum .packetsCount) + $(metric sesstap_unaccounted_packets_total)))
    assert_eq "$1: the open session to the byte, its end, no error" "$up $down fin client 0" "$(record_query '
        select(.src.port == $port and .dst.port == 8081) | [.out.payload, .in.payload, .close.reason, .close.by,
        (.icmp_errors // [] | length)] | join(" ")' --argjson port "${port:-0}")"
    packets=$(record_query 'select(.src.port == $port and .dst.port == 8081) | .packetsCount' --argjson port "${port:-0}")
    assert_true "$1: the RSTs that did not end it are packets of it ($packets)" test "$packets" -gt $((FLOOD + up / 100))
    assert_eq "$1: each of the headers too deep" "$FLOOD" "$(reason extension_headers)"
    assert_eq "$1: ICMP errors that quote nothing, or found no room themselves" "$FLOOD" \
        $(($(metric sesstap_events_total 'event="icmp_errors_unknown"') + $(reason table_full_icmp)))
    assert_eq "$1: datagrams, first fragments and later ones" $((2 * FLOOD)) $(($(reason fragment_no_first) +
        $(reason table_full_udp) + $(record_sum 'if .["@type"] == "UdpSession" then .packetsCount else 0 end')))
    assert_true "$1: fragments without a first one" test "$(reason fragment_no_first)" -gt $((FLOOD / 3))
    assert_true "$1: memory of sesstap, $peak KB at most, is below $LIMIT_KB KB" test "$peak" -lt $LIMIT_KB
}

all_attacks() {
    attack syn
    attack ack
    attack flags
    attack udp
    attack fragment
    attack deep
    attack rst "$B4" "$TALK_PORT" 8081
    attack quote "$B4" 1 8081
}

ns_pair
more_sources 2
wait_quiet

# ---- a table that holds it all, and connections come and go meanwhile

start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM"
before=$(iface_total "$NS_A" "$IF_A")
talk_begin
spawn_server "$NS_A" server server --addr "$A4" --port 8080 --log "$WORK/server.log"
server=$SPAWNED
in_b "$TRAFFIC" client --addr "$A4" --port 8080 --count "$(scaled 1000)" --concurrency 20 --path /3000 \
    --log "$WORK/client.log" "${SOURCES[@]}" >"$WORK/client.out" &
client=$!
all_attacks
assert_true "all connections were served" wait $client
end_process "$server" TERM
talk_end roomy
after=$(iface_total "$NS_A" "$IF_A")
assert_eq "roomy: seen = skbs of the interface" $((after - before)) "$SEEN"
assert_eq "roomy: the table was never full" 0 $(($(reason table_full_tcp) + $(reason table_full_udp)))
jq -c 'select(.src.ip | startswith("10.77.1."))' "$OUT/sessions.ndjson" >"$WORK/real.ndjson"
assert_books "$WORK/real.ndjson" "roomy: real sessions' records"
assert_ledgers

# ---- a table of 1024: what finds no room is counted, the session that was there stays

OUT=$WORK/small
start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM" --max-flows 1024
before=$(iface_total "$NS_A" "$IF_A")
talk_begin
all_attacks
talk_end small
after=$(iface_total "$NS_A" "$IF_A")
assert_eq "small: seen = skbs of the interface" $((after - before)) "$SEEN"
assert_true "small: SYNs found no room" test "$(reason table_full_tcp)" -gt 0
assert_true "small: datagrams found no room" test "$(reason table_full_udp)" -gt 0
assert_ledgers
finish
