#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: stopped and begun again with --pin, also as another build and with other options, sesstap goes on with open
# sessions, with their @id and counts, and with what passed in between; captures and streams go on in files of their own.
# Killed just before or after a write, it has each record once.
# What can't go on is refused in one line that says the way out: no BPF file system, a second process, another layout,
# another network namespace. Another sesstap leaves filters that are kept alone, and takes away those whose folder is gone.
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 strace tc

PIN=$WORK/bpf/pin
FORGE=$BUILD/tests/e2e/pin_forge

refused() { # WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2 status=0
    shift 2
    timeout 20 ip netns exec "$NS_A" "$SESSTAP" run --duration 1 "$@" >"$WORK/refused.out" 2>"$WORK/refused.err" || status=$?
    assert_eq "$what: exit status" 1 $status
    assert_eq "$what: lines" 1 "$(wc -l <"$WORK/refused.err")"
    assert_true "$what: $(head -c 250 "$WORK/refused.err")" grep -qE "^sesstap: error: --pin .*($pattern)" "$WORK/refused.err"
}

fetch() { # COUNT
    in_b "$TRAFFIC" client --addr "$A4" --port 80 --count "$1" --concurrency 5 --log - >>"$WORK/client.log" || fail "client"
}

range() { # of numbers: lowest, highest, how many different ones
    sort -n | uniq | awk 'NR == 1 { low = $1 } { high = $1 } END { print low " to " high ", " NR }'
}

# A program that only says it is another build: the version is text in it.
other_build() {
    local version
    version=$("$SESSTAP" --version)
    version=${version#sesstap }
    sed "s/$version/$(tr 'a-z0-9' 'z' <<<"$version")/g" "$SESSTAP" >"$WORK/other"
    chmod 755 "$WORK/other"
    cmp -s "$SESSTAP" "$WORK/other" && fail "the other build is the same"
}

ns_pair
mkdir "$WORK/bpf"
mount -t bpf bpf "$WORK/bpf" || die "cannot mount a BPF file system"
on_exit umount "$WORK/bpf"
other_build
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")

refused "no BPF file system" 'not in a BPF file system.*mount -t bpf' --pin "$WORK/pin"
refused "nothing to end" 'nothing is kept there' --pin "$PIN" --unpin

# ---- three processes and the end

start_sesstap -o "$OUT" --pin "$PIN" --pcap --streams --interval 0.5
first=$SESSTAP_PID
spawn_server "$NS_A" server server --addr "$A4" --port 80
server=$SPAWNED
spawn "$NS_A" talk_server listening python3 "$E2E/slow_talk.py" server "$A4" 81
spawn "$NS_B" talk listening python3 "$E2E/slow_talk.py" client "$A4" 81
talk=$SPAWNED
fetch 50
refused "a second process" "process id $first has it" --pin "$PIN"
sleep 2
stop_sesstap
assert_eq "first process: exit status" 0 $?
assert_true "it says what is kept: $(tail -n 1 "$SESSTAP_ERR")" grep -q "open sessions that go on in $PIN, .*: 1;" "$SESSTAP_ERR"
fetch 50 # nobody there

"$FORGE" "$PIN" || fail "pin_forge"
refused "another layout" "made by sesstap .* layout .*--unpin.*rm -r $PIN" --pin "$PIN"
"$FORGE" "$PIN"
SPARE_NS=$NS_A NS_A=$NS_B
refused "another network namespace" 'another network namespace' --pin "$PIN"
NS_A=$SPARE_NS

SESSTAP_BEFORE=$SESSTAP SESSTAP=$WORK/other
start_sesstap -o "$OUT" --pin "$PIN" --pcap --streams --interval 0.5 --depth 300
SESSTAP=$SESSTAP_BEFORE
fetch 50
sleep 1.5
stop_sesstap TERM
assert_eq "another build: exit status" 0 $?
in_a "$HOOKS" "$IF_A" >"$WORK/hooks.before"
start_sesstap -o "$OUT" --pin "$PIN" --max-flows 1000 --interval 0.5
assert_true "--max-flows of another size is said" grep -q -- '--max-flows 1000: .* holds 131072 sessions' "$SESSTAP_ERR"
sleep 1.5
stop_sesstap KILL
end_process "$talk" TERM
fetch 50
end_process "$server" TERM
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
launch_sesstap -o "$OUT" --pin "$PIN" --unpin
wait "$SESSTAP_PID"
assert_eq "the end: exit status" 0 $?
assert_true "the end: nothing is kept" test ! -e "$PIN"
totals
assert_eq "seen = skbs of the interface" $((after - before)) "$SEEN"
jq -c 'select(.close != null)' "$OUT/sessions.ndjson" >"$WORK/last.ndjson"
assert_eq "sessions" 201 "$(wc -l <"$WORK/last.ndjson")"
assert_eq "their numbers, all different" "1 to 201, 201" "$(jq -r '.name | split(".")[0]' "$WORK/last.ndjson" | range)"
assert_eq "stream indexes, all different" "0 to 200, 201" "$(jq -r '.streamIndex' "$WORK/last.ndjson" | range)"
assert_eq "packets of all records" "$TRACKED" "$(jq -n '[inputs | .packetsCount] | add' "$WORK/last.ndjson")"
assert_eq "@ids of the open session" 1 "$(record_query 'select(.dst.port == 81) | .["@id"]' | sort -u | wc -l)"
assert_eq "beginnings of the open session" 1 "$(record_query 'select(.dst.port == 81) | .first' | sort -u | wc -l)"
updates=$(record_count '.dst.port == 81')
assert_eq "its updates are numbered on" "1 to $updates, $updates" "$(record_query 'select(.dst.port == 81) | ._update' | range)"
assert_eq "its payload" "$(tail -n 1 "$WORK/talk.out")" \
    "$(jq -r 'select(.dst.port == 81) | "\(.src.port) \(.out.payload) \(.in.payload)"' "$WORK/last.ndjson")"
assert_ledgers
number=$(jq -r 'select(.dst.port == 81) | .name | split(".")[0]' "$WORK/last.ndjson")
assert_true "its files of the first process" test -s "$OUT/pcap/$number.pcap" -a -s "$OUT/streams/$number.client"
assert_eq "its capture of the second process" "$OUT/pcap/$number-2.pcap" "$(ls "$OUT"/pcap/"$number"-*.pcap)"
assert_true "records fit the schema" "$E2E/validate_records.py" "$OUT/sessions.ndjson"

# ---- killed just before its records are written, and just after

# sesstap is held for long at one end of the write that puts records into the file, and killed there. Then strace is, which
# else keeps what it holds, the dead too, as long as it was told to: a minute.
killed_at_write() { # WHERE
    local size i tracer
    rm -rf "$OUT"
    start_sesstap -o "$OUT" --pin "$PIN"
    strace -f -qq -o /dev/null -p "$SESSTAP_PID" -P "$OUT/sessions.ndjson" -e trace=write \
        -e inject=write:"$1"=60000000 &
    tracer=$!
    on_exit kill -KILL $tracer
    sleep 0.5
    : >"$WORK/client.log"
    fetch 40
    size=0
    for ((i = 0; i < 40 && size == 0; i++)); do
        sleep 0.1
        size=$(stat -c %s "$OUT/sessions.ndjson")
    done
    sleep 0.2
    if [ "$1" = delay_exit ]; then
        assert_true "$1: records were written" test "$size" -gt 0
    else
        assert_eq "$1: records were not written" 0 "$size"
    fi
    kill -KILL "$SESSTAP_PID"
    kill -KILL $tracer
    stop_sesstap KILL
    assert_eq "$1: it was killed" 137 $?
    start_sesstap -o "$OUT" --pin "$PIN"
    sleep 0.3
    stop_sesstap
    launch_sesstap -o "$OUT" --pin "$PIN" --unpin
    wait "$SESSTAP_PID"
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: records" 40 "$(wc -l <"$OUT/sessions.ndjson")"
    assert_eq "$1: different ones" 40 "$(record_query '.["@id"]' | sort -u | wc -l)"
    assert_eq "$1: packets of all records" "$TRACKED" "$(record_sum .packetsCount)"
}
spawn_server "$NS_A" server server --addr "$A4" --port 80
killed_at_write delay_enter
killed_at_write delay_exit
end_process "$SPAWNED" TERM

# ---- filters, which go with no process

export SESSTAP_TC=clsact
filters() {
    local hook
    for hook in ingress egress; do
        in_a tc filter show dev "$IF_A" $hook
    done | grep -c 'sesstap_[ie].*gress'
}
rm -rf "$OUT"
start_sesstap -o "$OUT" --pin "$PIN"
stop_sesstap
assert_eq "filters that stay" 2 "$(filters)"
start_sesstap -o "$WORK/other_out"
assert_eq "filters with another sesstap" 4 "$(filters)"
stop_sesstap
assert_eq "filters after it" 2 "$(filters)"
rm -r "$PIN"
start_sesstap -o "$WORK/other_out"
assert_eq "filters of a folder that is gone, and of another sesstap" 2 "$(filters)"
stop_sesstap
assert_eq "filters at the end" 0 "$(filters)"
assert_eq "qdiscs at the end" 0 "$(in_a tc qdisc show dev "$IF_A" | grep -c clsact)"
finish
