#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: wrong use gives one line that names what was wrong, and the exit status of the manual: 2 for a wrong command line,
# 1 for what failed. With a full disk tracking goes on, the metrics count what could not be written, and what was written
# is whole.
. "$(dirname "$0")/lib.sh"
need_root
need jq setpriv tcpdump

# One line on stderr that matches PATTERN, nothing on stdout, the exit status.
expect() { # NAME STATUS PATTERN COMMAND...
    local name=$1 expected=$2 pattern=$3 status=0
    shift 3
    timeout -k 2 60 "$@" >"$WORK/stdout" 2>"$WORK/stderr" || status=$?
    assert_eq "$name: exit status" "$expected" $status
    assert_eq "$name: lines on stderr" 1 "$(wc -l <"$WORK/stderr")"
    assert_true "$name: stderr matches $pattern: $(head -c 200 "$WORK/stderr")" grep -qE "^sesstap: .*($pattern)" "$WORK/stderr"
    assert_eq "$name: bytes on stdout" 0 "$(wc -c <"$WORK/stdout")"
}

ns_pair
run=(ip netns exec "$NS_A" "$SESSTAP" run --duration 1)
mkdir "$OUT"
touch "$WORK/file"

expect "unknown interface" 1 nope0 "${run[@]}" -i nope0
expect "output folder below a file" 1 "$WORK/file/out" "${run[@]}" -o "$WORK/file/out"
expect "output folder where none can be" 1 /proc/nope "${run[@]}" -o /proc/nope
expect "metrics where none can be" 1 /proc/nope "${run[@]}" -o "$OUT" --prom /proc/nope/sesstap.prom
expect "unknown option" 2 frobnicate "${run[@]}" --frobnicate
expect "depth that is no depth" 2 banana "${run[@]}" --depth banana
expect "filter that is none" 2 "-f: filter 'tcp prot 80': can't parse filter" "${run[@]}" -f 'tcp prot 80'
expect "depth for no filter" 2 '=all' "${run[@]}" --depth-for =all
expect "depth for a filter with no depth" 2 'port 80' "${run[@]}" --depth-for 'port 80'
expect "depth for a filter that is no depth" 2 banana "${run[@]}" --depth-for 'port 80=banana'
expect "depth for a filter that is none" 2 "--depth-for: filter 'tcp prot 80'" "${run[@]}" --depth-for 'tcp prot 80=5'
expect "sample that is no share" 2 '1/4 is wanted' "${run[@]}" --sample 4
expect "sample of none" 2 '1/N' "${run[@]}" --sample 1/0
expect "payload rate of too little" 2 '10' "${run[@]}" --payload-rate 10
expect "payload rate that is none" 2 fast "${run[@]}" --payload-rate fast
expect "negative duration" 2 '-5' "${run[@]}" --duration -5
expect "table of no flows" 2 '0' "${run[@]}" --max-flows 0
expect "mode that is none" 2 'sideways.*tc, xdp or auto' "${run[@]}" --mode sideways
expect "XDP where the driver has none" 1 'lo: its driver has no native XDP' "${run[@]}" --mode xdp -i lo
expect "folder to keep things that is in no BPF file system" 1 'not in a BPF file system' "${run[@]}" --pin "$WORK/pin"
expect "namespace that is not there" 2 'No such file.*/run/netns/NAME' "${run[@]}" --netns /run/netns/nosuch
expect "file that is no namespace" 2 'no network namespace' "${run[@]}" --netns /etc/passwd
expect "namespaces, by XDP" 2 '--mode tc' "${run[@]}" --netns all --mode xdp
expect "end of no folder" 2 '--pin DIR' "${run[@]}" --unpin
expect "HTTP of no protocols" 2 '--no-app and --http' "${run[@]}" --http --no-app
expect "secrets for no protocols" 2 '--no-app and --keylog' "${run[@]}" --no-app --keylog "$WORK/a"
expect "HTTP of no protocols, of a file" 2 '--no-app and --http' "$SESSTAP" read --no-app --http "$WORK/file"
expect "secrets for no protocols, of a file" 2 '--no-app and --keylog' "$SESSTAP" list --no-app --keylog "$WORK/file" "$WORK/file"
expect "second key log" 2 'there is one already' "${run[@]}" --keylog "$WORK/a" --keylog "$WORK/b"
expect "key log that is not there, for a file" 2 '--keylog /nope/keys: No such file' "$SESSTAP" read --keylog /nope/keys "$WORK/file"
expect "alerts that are not there" 2 '--alerts /nope/eve: No such file' "$SESSTAP" list --alerts /nope/eve "$WORK/file"
expect "hosts that are not there" 2 '--hosts /nope/hosts: No such file' "$SESSTAP" read --hosts /nope/hosts "$WORK/file"
expect "HTTP where nothing is listed of it" 2 '--http: no such option' "$SESSTAP" list --http "$WORK/file"
expect "a type of no objects" 2 '--type goes with --objects' "$SESSTAP" extract "$WORK/file" 0 -w "$WORK/o.pcap" --type text/html
expect "secrets where none can be" 2 'a pcap file holds no secrets' "$SESSTAP" extract "$WORK/file" 0 -w "$WORK/o.pcap" --keylog "$WORK/file"
expect "holes in no streams" 2 '--holes mark says what stands in streams: add --streams' "$SESSTAP" read --holes mark "$WORK/file"
expect "an order by an object" 2 '--sort tls: only a field with one value' "$SESSTAP" list --sort tls "$WORK/file"
expect "names for an index" 2 '--hosts: no such option' "$SESSTAP" index --hosts "$WORK/file" "$WORK/file"
expect "objects and packets at once" 2 'one of them is wanted at a time' "$SESSTAP" extract "$WORK/file" --objects "$WORK/d" -w "$WORK/o.pcap"
expect "objects where no folder can be" 1 '--objects /nope/d: No such file' "$SESSTAP" extract "$WORK/file" --objects /nope/d
expect "argument that is none" 2 surplus "${run[@]}" surplus
expect "expression that is none" 2 "--where: .*nope" "$SESSTAP" read --where 'nope == 1' "$WORK/file"
expect "unknown command" 2 frob "$SESSTAP" frob

# The unprivileged user may not be able to read the checkout: it gets the binary where it can.
chmod 755 "$WORK"
install -m 755 "$SESSTAP" "$WORK/sesstap"
expect "not root" 1 'root|CAP_|privilege' ip netns exec "$NS_A" setpriv --reuid 65534 --regid 65534 --clear-groups \
    --inh-caps=-all --bounding-set=-all "$WORK/sesstap" run --duration 1

# ---- a full disk

FULL=$WORK/full
mkdir "$FULL"
mount -t tmpfs -o size=256k tmpfs "$FULL" || die "cannot mount a tmpfs"
on_exit umount "$FULL"
OUT=$FULL
wait_quiet
before=$(iface_total "$NS_A" "$IF_A")
trap '' HUP # as nohup has it
start_sesstap -o "$FULL" --pcap --prom "$PROM"
trap 'exit 143' HUP
kill -HUP "$SESSTAP_PID"
spawn_server "$NS_A" server server --addr "$A4" --port 80
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 3000 --concurrency 20 --path /1000 || fail "client"
sleep 2
assert_true "full disk, and SIGHUP under nohup: sesstap goes on" kill -0 "$SESSTAP_PID"
wait_quiet
after=$(iface_total "$NS_A" "$IF_A")
stop_sesstap
assert_eq "full disk: exit status" 1 $?
totals
assert_eq "full disk: seen = skbs of the interface" $((after - before)) "$SEEN"
assert_eq "full disk: lines on stderr that say so" 1 "$(grep -c 'No space left' "$SESSTAP_ERR")"
assert_true "full disk: the metrics count what could not be written" \
    grep -qE '^sesstap_[a-z_]*writ[a-z_]*_total(\{.*\})? [1-9]' "$PROM"
lost=$(metric sesstap_sink_write_errors_total 'sink="records"')
assert_eq "full disk: records written and records counted as lost" "$(awk '/sessions recorded$/ { print $2 }' "$SESSTAP_ERR")" \
    $((lost + $(wc -l <"$FULL/sessions.ndjson")))
assert_true "full disk: the end says how many" grep -q "could not be written: records $lost, capture files [1-9]" "$SESSTAP_ERR"
damaged=0
for file in "$FULL"/pcap/*; do
    [ -e "$file" ] || continue
    tcpdump -r "$file" -w /dev/null 2>/dev/null || damaged=$((damaged + 1))
done
assert_eq "full disk: captures that are damaged" 0 $damaged
[ ! -e "$FULL/sessions.ndjson" ] || assert_true "full disk: the records are whole" jq -e . "$FULL/sessions.ndjson" >"$WORK/jq.out"
finish
