#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: a session that goes on is written again every --interval seconds under one and the same @id with a rising _update,
# also when its interface gets another name meanwhile; link.interfaces follows the name.
. "$(dirname "$0")/lib.sh"
need_root
need jq

ns_pair
start_sesstap -o "$OUT" --interval 1
in_ns "$NS_B" ping -c 15 -i 0.3 "$A4" >/dev/null &
PINGING=$!
sleep 2.5
in_ns "$NS_A" ip link set "$IF_A" name renamed0
wait "$PINGING"
stop_sesstap
assert_eq "exit status" 0 $?
PING='select(.proto == 1)'
assert_true "written several times" test "$(record_query "$PING | ._update" | wc -l)" -ge 4
assert_eq "_update rises by one" "" "$(record_query "$PING | ._update" | awk '$1 != NR')"
assert_eq "one @id" 1 "$(record_query "$PING | .[\"@id\"]" | sort -u | wc -l)"
assert_eq "the last name" renamed0 "$(record_query "$PING | .link.interfaces[0]" | tail -n 1)"
finish
