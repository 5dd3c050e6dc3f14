#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: 20 000 connections, 3000 of them open at a time, through a table of 1024 flows: it says that the table was full,
# every packet is tracked or counted under a reason, and what is recorded is true.
. "$(dirname "$0")/lib.sh"
need_root
need jq

ns_pair
more_sources 2
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")
start_sesstap -o "$OUT" --prom "$PROM" --max-flows 1024
spawn_server "$NS_A" server server --addr "$A4" --port 80 --log "$WORK/server.log"
assert_true "20000 connections" in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 20000 --concurrency 3000 \
    --path /1000 --log "$WORK/client.log" "${SOURCES[@]}"
end_process "$SPAWNED" TERM
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
stop_sesstap
assert_eq "exit status" 0 $?

totals
assert_skbs $((after - before))
assert_eq "tracked = packets of all records" "$TRACKED" "$(record_sum .packetsCount)"
assert_true "stderr says that the table was full" grep -qi 'table.*full' "$SESSTAP_ERR"
assert_true "unaccounted has the reason table_full" grep -q '^sesstap: packets seen .*table_full' "$SESSTAP_ERR"
assert_eq "flow_table_capacity" 1024 "$(metric sesstap_flow_table_capacity)"
recorded=$(record_count '.["@type"] == "TcpSession"')
assert_true "as many sessions as the table holds are recorded at least ($recorded)" test "$recorded" -ge 1024
assert_ledgers
finish
