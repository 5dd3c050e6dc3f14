#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: 50 000 short HTTP connections at full speed, on sockets used several times, give exactly one record each, with
# the state, end and bytes that client and server wrote down themselves, over IPv4 and IPv6 and whoever closes first;
# and that every skb of the interface is accounted for.      timeout: 300
. "$(dirname "$0")/lib.sh"
need_root
need jq python3

RUNS=(
    # name       connections  address  path      who closes first
    "v4-server   50000        $A4      /1000     server"
    "v4-client   5000         $A4      /900      client"
    "v6-server   5000         $A6      /300      server"
    "v4-reset    500          $A4      /rst      server"
)

ns_pair
more_sources 2
in_b sh -c 'echo 20000 29999 >/proc/sys/net/ipv4/ip_local_port_range'
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")
start_sesstap -o "$OUT" --prom "$PROM"
spawn_server "$NS_A" server4 server --addr "$A4" --port 80 --log "$WORK/server4.log"
server4=$SPAWNED
spawn_server "$NS_A" server6 server --addr "$A6" --port 80 --log "$WORK/server6.log"
server6=$SPAWNED

for run in "${RUNS[@]}"; do
    read -r name count addr path closer <<<"$run"
    sources=()
    [ "$addr" = "$A6" ] || sources=("${SOURCES[@]}")
    assert_true "$name: $(scaled "$count") connections" in_b "$TRAFFIC" client --addr "$addr" --port 80 --count "$(scaled "$count")" \
        --concurrency 100 --path "$path" --close "$closer" --log "$WORK/$name.log" "${sources[@]}"
done
end_process "$server4" TERM
end_process "$server6" TERM
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
stop_sesstap
assert_eq "exit status" 0 $?

totals
assert_skbs $((after - before))
cat "$WORK"/v?-*.log >"$WORK/client.log"
cat "$WORK"/server?.log >"$WORK/server.log"
assert_books "$OUT/sessions.ndjson" "records" --packets "$TRACKED"
assert_ledgers
assert_eq "payload lost" 0 "$(record_sum '.ledger.payload_lost // 0')"
finish
