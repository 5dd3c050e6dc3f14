#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: with sesstap stopped for 10 s under load both rings run full, and yet no session and no count is missing; each
# record says how much of its payload was lost, and the metrics say how often a ring had no room.      timeout: 300
. "$(dirname "$0")/lib.sh"
need_root
need jq python3

STOPPED_SECONDS=10

# As many connections as fit into the time that sesstap sleeps, each with more payload than its ring can keep.
load_while_stopped() {
    local end=$((SECONDS + STOPPED_SECONDS)) n=0
    kill -STOP "$SESSTAP_PID"
    while [ $SECONDS -lt $end ]; do
        in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 4000 --concurrency 50 --path /20000 \
            --log "$WORK/client-$n.log" "${SOURCES[@]}" || fail "client in round $n"
        n=$((n + 1))
    done
    kill -CONT "$SESSTAP_PID"
}

ns_pair
more_sources 8
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")
start_sesstap -o "$OUT" --prom "$PROM" --pcap --depth all --max-flows 500000
spawn_server "$NS_A" server server --addr "$A4" --port 80 --log "$WORK/server.log"
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 500 --path /20000 --concurrency 10 --log "$WORK/client-before.log" ||
    fail "client before"
load_while_stopped
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 500 --path /20000 --concurrency 10 --log "$WORK/client-after.log" ||
    fail "client after"
end_process "$SPAWNED" TERM
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
stop_sesstap
assert_eq "exit status" 0 $?

totals
assert_eq "seen = skbs of the interface" $((after - before)) "$SEEN"
cat "$WORK"/client-*.log >"$WORK/client.log"
assert_books "$OUT/sessions.ndjson" "records"
assert_ledgers
lost=$(record_sum '.ledger.payload_lost // 0')
assert_true "payload was lost, and the records say so ($lost bytes)" test "$lost" -gt 0
assert_eq "payload_lost_bytes_total = sum over the records" "$lost" "$(metric sesstap_payload_lost_bytes_total)"
assert_true "ring_reserve_failures_total is not 0" test "$(metric sesstap_ring_reserve_failures_total)" -gt 0
finish
