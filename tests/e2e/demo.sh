#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: on a host without containers scripts/run.sh plays its demo to the end, with the sessions it promises in table and
# files, and leaves neither namespace, nor interface, nor process; the same when it is interrupted.
. "$(dirname "$0")/lib.sh"
need_root
need jq curl ping unshare

DEMO=$WORK/demo
LOG=$WORK/demo.log
# A network namespace of its own, so that containers of this host are not there.
demo=(unshare -n env BUILD="$BUILD" SESSTAP="$SESSTAP" SESSTAP_DEMO_DIR="$DEMO" TMPDIR="$WORK" "$ROOT/scripts/run.sh")

left_over() { # prints what of a demo is still there
    ip netns list | grep '^sesstap-demo-'
    pgrep -f "$DEMO" | while read -r pid; do echo "process $pid"; done
    find "$WORK" -name '*.tmp*' -path '*/demo/*'
}

record() { # JQ-CONDITION: how many records of the demo
    jq -n "[inputs | select($1)] | length" "$DEMO/sessions.ndjson"
}

"${demo[@]}" >"$LOG" 2>&1
assert_eq "exit status" 0 $?
assert_true "the balance is shown" grep -q 'packets seen [0-9]* = tracked [0-9]* + unaccounted [0-9]*' "$LOG"
assert_eq "balance without a remainder" 0 "$(grep -c 'nothing explains' "$LOG")"
assert_true "HTTP, both IP versions" test "$(record '.dst.port == 80 and .close.reason == "fin"')" -ge 18
assert_eq "one transfer of 200 MB" 1 "$(record '.in.payload > 200000000')"
assert_eq "one refused" 1 "$(record '.dst.port == 8443 and .close.reason == "rst" and .close.by == "server"')"
assert_eq "one reset by its client" 1 "$(record '.dst.port == 80 and .close.reason == "rst" and .close.by == "client"')"
assert_true "DNS" test "$(record '.["@type"] == "UdpSession" and .dst.port == 53')" -ge 9
assert_true "ping" test "$(record '.["@type"] == "IcmpSession" and .icmp.type == 8')" -ge 1
assert_true "the table shows the refused one" grep -q ':8443 .*rst server' "$LOG"
assert_true "the files are named" grep -q "$DEMO/sessions.ndjson" "$LOG"
assert_true "captures are there" test "$(find "$DEMO/pcap" -name '*.pcapng' | wc -l)" -ge 30
assert_eq "nothing is left" "" "$(left_over)"

for signal in INT TERM HUP; do
    rm -rf "$DEMO"
    set -m
    "${demo[@]}" >"$LOG" 2>&1 &
    pid=$!
    set +m
    on_exit end_process $pid KILL
    for ((i = 0; i < 250; i++)); do
        [ ! -s "$DEMO/sesstap.log" ] || break
        sleep 0.02
    done
    sleep 1.5
    [ $signal = TERM ] || kill -$signal -- -$pid # as a terminal does: to all of the job
    [ $signal != TERM ] || kill -$signal $pid
    wait $pid
    assert_true "SIG$signal: exit status above 128" test $? -gt 128
    assert_eq "SIG$signal: nothing is left" "" "$(left_over)"
done
finish
