#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory of `sesstap run` with many open sessions, beside the table it said it has.
# usage: BUILD=build tests/bench/memory.sh [SESSIONS]
# Prints `memory SESSIONS RESIDENT_KB ANONYMOUS_KB EMPTY_KB`, and `start LINE` for what the program said at its start.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

sessions=${1:-100000}
settle_seconds=4 # the sweep has seen every entry by then

status_kb() { # FIELD
    awk -v field="$1:" '$1 == field { print $2 }' "/proc/$SESSTAP_PID/status"
}

need_root
ns_pair
start_sesstap -i "$IF_A" -o "$OUT" --max-flows 131072
sleep 1
empty_kb=$(status_kb VmRSS)
in_b "$BUILD/tests/bench/open_sessions" "$IF_B" "$sessions" || die "cannot open sessions"
sleep $settle_seconds
result="memory $sessions $(status_kb VmRSS) $(status_kb RssAnon) $empty_kb"
sed -n 's/^/start /; 1p' "$SESSTAP_ERR"
stop_sesstap || die "sesstap run failed"
records=$(grep -c '"TcpSession"' "$OUT/sessions.ndjson")
[ "$records" -eq "$sessions" ] || die "$records of $sessions sessions were open"
echo "$result"
