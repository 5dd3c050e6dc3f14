#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: attached by clsact, as on a kernel without TCX, sesstap sees and records what it does by TCX: every connection once
# with the bytes that client and server wrote down, every skb of the interface counted, payload whole.
# Those that run at once leave each other's filters alone, also when one looks into the namespace that another is in.
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 tc

export SESSTAP_TC=clsact
ns_pair
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")
start_sesstap -o "$OUT" --prom "$PROM" --streams --depth 2000
assert_true "it says that it uses clsact" grep -q '^sesstap: tracking 1 interface by clsact;' "$SESSTAP_ERR"
assert_eq "filters of ours" 2 "$(for hook in ingress egress; do
    in_a tc filter show dev "$IF_A" $hook; done | grep -c 'sesstap_[ie].*gress')"
spawn_server "$NS_A" server4 server --addr "$A4" --port 80 --log "$WORK/server4.log"
server4=$SPAWNED
spawn_server "$NS_A" server6 server --addr "$A6" --port 80 --log "$WORK/server6.log"
server6=$SPAWNED
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count "$(scaled 2000)" --concurrency 20 --path /1000 --log "$WORK/c4.log" || fail "client"
in_b "$TRAFFIC" client --addr "$A6" --port 80 --count "$(scaled 500)" --concurrency 5 --path /400 --close client --log "$WORK/c6.log" ||
    fail "client of IPv6"
in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --bytes "$(scaled 100000000)" --log "$WORK/bulk.log" || fail "bulk"
end_process "$server4" TERM
end_process "$server6" TERM
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
stop_sesstap
assert_eq "exit status" 0 $?

totals
assert_skbs $((after - before))
cat "$WORK"/c?.log "$WORK/bulk.log" >"$WORK/client.log"
cat "$WORK"/server?.log >"$WORK/server.log"
assert_books "$OUT/sessions.ndjson" "records"
assert_ledgers
assert_eq "payload delivered: 2000 bytes a direction at most" 0 "$(record_count \
    '.["@type"] == "TcpSession" and .ledger.payload_delivered + .ledger.payload_lost !=
    ([.out.payload, 2000] | min) + ([.in.payload - (.tcp.quality_rev.retransmit_bytes // 0), 2000] | min)')"
assert_eq "no qdisc of ours stays" "" "$(in_a tc qdisc show dev "$IF_A" | grep clsact)"

spawn_server "$NS_A" server server --addr "$A4" --port 80
OUT=$WORK/inside
NS_A=$NS_B SESSTAP_ERR=$WORK/inside.err start_sesstap -o "$OUT" # the container's own
inside=$SESSTAP_PID
OUT=$WORK/first
start_sesstap -o "$OUT"
first=$SESSTAP_PID
OUT=$WORK/second
start_sesstap -o "$OUT" --netns "/run/netns/$NS_B"
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 50 --path /1000 || fail "client of three"
stop_sesstap
assert_eq "of three at once, the records of one that sees both ends" 50 "$(record_count '.["@type"] == "TcpSession"')"
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 50 --path /1000 || fail "client of two"
OUT=$WORK/inside SESSTAP_PID=$inside
stop_sesstap
assert_eq "of the one at the other end" 100 "$(record_count '.["@type"] == "TcpSession"')"
OUT=$WORK/first SESSTAP_PID=$first
stop_sesstap
assert_eq "of the one at this end" 100 "$(record_count '.["@type"] == "TcpSession"')"
assert_eq "no qdisc of theirs stays" "" "$( (in_a tc qdisc show dev "$IF_A"
    in_b tc qdisc show dev "$IF_B") | grep clsact)"
finish
