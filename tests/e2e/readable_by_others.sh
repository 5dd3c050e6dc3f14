#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: what sesstap writes others read. tshark and capinfos open every capture of every session with nothing to say, and
# tshark follows each TCP session to the bytes of our streams; records fit the schema; promtool and node_exporter take the
# metrics, which are the sums over the records.      timeout: 600
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 tshark capinfos promtool prometheus-node-exporter curl ping

BULK_BYTES=3000000 # both fit into the payload ring, however late sesstap is woken
METRICS_PORT=9177
PROM_DIR=$WORK/metrics
PROM=$PROM_DIR/sesstap.prom
# What a dissector complains of; a packet of which only the start was kept ([Short Frame]) has no checksum to look at.
COMPLAINTS='_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 ||
    icmp.checksum.status == 0 || icmpv6.checksum.status == 0'
CHECKS=(-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE)

traffic_b() { # SUBCOMMAND ADDRESS PORT ARGUMENT...
    in_b "$TRAFFIC" "$1" --addr "$2" --port "$3" "${@:4}" >"$WORK/client.out" || fail "traffic $*"
}

all_kinds() {
    traffic_b client "$A4" 80 --count 3 --path /1200
    traffic_b client "$A6" 80 --path /90000
    traffic_b client "$A4" 80 --path /3000 --close client
    traffic_b bulk "$A4" 80 --bytes $BULK_BYTES --down
    traffic_b bulk "$A6" 80 --bytes $BULK_BYTES --up
    traffic_b halfclose "$A4" 80 --bytes 40000
    traffic_b reset "$A4" 80 --bytes 20000
    traffic_b refused "$A4" 81
    traffic_b udp-client "$A4" 7 --count 5 --size 700
    traffic_b udp-client "$A6" 7 --count 2 --size 9000
    traffic_b dns-query "$A4" 53 --name some.test
    in_b curl -s -d "$(printf 'a%.0s' {1..5000})" "http://$A4/orders" -o /dev/null || fail "a POST"
    in_b ping -q -c 2 -i 0.2 "$A4" >/dev/null || fail "ping"
    in_b ping -q -c 2 -i 0.2 "$A6" >/dev/null || fail "ping of IPv6"
}

# What a reader says on stderr, but for its remark on running as root.
said() { # COMMAND...
    "$@" 2>&1 >/dev/null | grep -v '^Running as user "root"'
}

opens_clean() { # NAME SUFFIX
    local file files=0 words
    for file in "$OUT"/pcap/*."$2"; do
        files=$((files + 1))
        words=$(said capinfos "$file"
            tshark -n "${CHECKS[@]}" -r "$file" -Y "$COMPLAINTS" -V 2>&1 | grep -v '^Running as user "root"' | head -n 60)
        [ -z "$words" ] || fail "$1: $(basename "$file"): $words"
    done
    assert_eq "$1: a capture a session" "$(record_query '.name | split(".")[0]' | sort -n | xargs)" \
        "$(find "$OUT/pcap" -type f -printf '%f\n' | sed 's/\..*//' | sort -n | xargs)"
    assert_eq "$1: captures looked at" "$(record_count true)" $files
}

# tshark's follow of each TCP session, compared with streams/: lines with a tab are the side that answers.
follows() { # NAME SUFFIX
    local n wrong=0 compared=0
    while read -r n; do
        tshark -n -r "$OUT/pcap/$n.$2" -q -z follow,tcp,raw,0 2>/dev/null >"$WORK/follow"
        python3 - "$WORK/follow" "$OUT/streams/$n" <<'END' || wrong=$((wrong + 1))
import os, sys
sides = [b"", b""]
parts = [[], []]
for line in open(sys.argv[1]):
    digits = line.strip()
    if digits and all(c in "0123456789abcdef" for c in digits):
        parts[line[0] == "\t"].append(bytes.fromhex(digits))
ok = True
for side, name in enumerate(("client", "server")):
    path = "%s.%s" % (sys.argv[2], name)
    ours = open(path, "rb").read() if os.path.exists(path) else b""
    theirs = b"".join(parts[side])
    if ours != theirs:
        ok = False
        print("%s: we have %d bytes, tshark %d" % (path, len(ours), len(theirs)))
sys.exit(not ok)
END
        compared=$((compared + 1))
    done < <(record_query 'select(.["@type"] == "TcpSession") | .name | split(".")[0]')
    assert_eq "$1: TCP sessions that tshark follows otherwise than we ($compared looked at)" 0 $wrong
    assert_true "$1: some were looked at" test $compared -ge 10
    assert_eq "$1: bytes of streams/ = bytes of both applications" \
        "$(record_sum 'select(.["@type"] == "TcpSession") | .ledger.payload_seen')" \
        "$(record_query 'select(.["@type"] == "TcpSession") | .name | split(".")[0]' |
            while read -r n; do cat "$OUT/streams/$n".*; done 2>/dev/null | wc -c)"
}

metrics_are_sums() { # NAME
    assert_eq "$1: promtool has nothing to say" "" "$(promtool check metrics <"$PROM" 2>&1)"
    assert_eq "$1: sessions_opened_total" "$(record_count true)" "$(metric sesstap_sessions_opened_total)"
    assert_eq "$1: sessions_closed_total" "$(record_count true)" "$(metric sesstap_sessions_closed_total)"
    assert_eq "$1: those closed by rst" "$(record_count '.close.reason == "rst"')" \
        "$(metric sesstap_sessions_closed_total 'reason="rst"')"
    assert_eq "$1: those closed by fin" "$(record_count '.close.reason == "fin"')" \
        "$(metric sesstap_sessions_closed_total 'reason="fin"')"
    assert_eq "$1: session_duration_seconds_count" "$(record_count true)" "$(metric sesstap_session_duration_seconds_count)"
    assert_eq "$1: payload_bytes_total" "$(record_sum '.out.payload + .in.payload')" "$(metric sesstap_payload_bytes_total)"
    assert_eq "$1: packets_total less unaccounted" "$(record_sum .packetsCount)" \
        $(($(metric sesstap_packets_total) - $(metric sesstap_unaccounted_packets_total)))
    assert_eq "$1: skbs_total" "$SEEN" "$(metric sesstap_skbs_total)"
    assert_eq "$1: tcp_retransmits_total" \
        "$(record_sum '(.tcp.quality_fwd.retransmits // 0) + (.tcp.quality_rev.retransmits // 0)')" \
        "$(metric sesstap_tcp_retransmits_total)"
    assert_eq "$1: payload_lost_bytes_total" "$(record_sum '.ledger.payload_lost // 0')" "$(metric sesstap_payload_lost_bytes_total)"
}

run_once() { # NAME SUFFIX ARGUMENT...
    rm -rf "$OUT"
    start_sesstap -o "$OUT" --prom "$PROM" "${@:3}"
    all_kinds
    sleep 0.7
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
    assert_ledgers
    assert_eq "$1: payload lost" 0 "$(record_sum '.ledger.payload_lost // 0')"
    assert_true "$1: records fit the schema" "$E2E/validate_records.py" "$OUT/sessions.ndjson"
    opens_clean "$1" "$2"
    metrics_are_sums "$1"
}

mkdir "$PROM_DIR"
ns_pair
spawn_server "$NS_A" http4 server --addr "$A4" --port 80 --resp 2000
spawn_server "$NS_A" http6 server --addr "$A6" --port 80
spawn_server "$NS_A" echo4 udp-server --addr "$A4" --port 7
spawn_server "$NS_A" echo6 udp-server --addr "$A6" --port 7
spawn_server "$NS_A" dns dns-server --addr "$A4" --port 53
spawn "$NS_A" node_exporter 'Listening on' prometheus-node-exporter --collector.disable-defaults --collector.textfile \
    --collector.textfile.directory="$PROM_DIR" --web.listen-address="127.0.0.1:$METRICS_PORT"
wait_quiet

run_once "pcapng" pcapng --pcapng --streams --lots --depth all
follows "pcapng" pcapng
run_once "pcap" pcap --pcap --streams --depth all
follows "pcap" pcap
run_once "pcapng at the default depth" pcapng --pcapng

in_a curl -s "http://127.0.0.1:$METRICS_PORT/metrics" >"$WORK/scraped"
assert_eq "node_exporter: errors of the textfile collector" 0 "$(awk '$1 == "node_textfile_scrape_error" { print $2 }' "$WORK/scraped")"
assert_true "node_exporter: serves every sample of the file" python3 - "$PROM" "$WORK/scraped" <<'END'
import sys
def samples(path):
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in open(path) if line.startswith("sesstap_"))}
def key(name):
    family, _, labels = name.partition("{")
    return family, tuple(sorted(labels.rstrip("}").split(",")))
ours, theirs = ({key(n): v for n, v in samples(path).items()} for path in sys.argv[1:])
wrong = [k for k in ours if ours[k] != theirs.get(k)]
print("%d samples, %d not served as they are %s" % (len(ours), len(wrong), wrong[:3]))
sys.exit(bool(wrong) or len(ours) < 30)
END
finish
