#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: with 100 000 TCP sessions open sesstap itself keeps less than 64 MB in memory, and says at its start what the
# flow table takes in the kernel; each of the sessions is in the records at the end.
. "$(dirname "$0")/lib.sh"
need_root
need jq

SESSIONS=100000
LIMIT_KB=65536
OPEN_SESSIONS=$BUILD/tests/bench/open_sessions

resident_kb() { # FIELD
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$SESSTAP_PID/status"
}

ns_pair
start_sesstap -o "$OUT" --prom "$PROM"
assert_true "the table's size is said at the start" \
    grep -qE '^sesstap: tracking 1 interface by [a-z]+; the flow table holds 131072 sessions in [0-9.]+ MiB of kernel memory' \
    "$SESSTAP_ERR"
empty=$(resident_kb VmRSS)
in_b "$OPEN_SESSIONS" "$IF_B" $SESSIONS || die "cannot open $SESSIONS sessions"
for ((i = 0; i < 100; i++)); do # metrics are written every 5 s
    [ "$(metric sesstap_flow_table_entries)" -lt $SESSIONS ] || break
    sleep 0.2
done
assert_true "the table holds them all" test "$(metric sesstap_flow_table_entries)" -ge $SESSIONS
full=$(resident_kb VmRSS)
echo "resident: $empty KB with no session, $full KB with $SESSIONS open, $(resident_kb VmHWM) KB at most; of these $(
    resident_kb RssAnon) KB are its own memory"
assert_true "resident memory is below $LIMIT_KB KB ($full)" test "$full" -lt $LIMIT_KB
assert_true "and always was ($(resident_kb VmHWM))" test "$(resident_kb VmHWM)" -lt $LIMIT_KB
stop_sesstap
assert_eq "exit status" 0 $?
totals
assert_eq "records of open sessions" $SESSIONS "$(record_count '.["@type"] == "TcpSession" and .close.reason == "shutdown"')"
finish
