#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As many short connections as the machine makes for a while: are all of them recorded, and what does it cost beside tcpdump, which
# writes the same packets? And a million sessions open at once: memory, and the time that passes through the table take.
# usage: BUILD=build tests/bench/load.sh [SECONDS] [SESSIONS]        default: 60 and 1000000
# Prints `connections NAME PER_SECOND CPU_SECONDS RECORDS LOST_BYTES`, and `open SESSIONS RESIDENT_KB TABLE PASS_SECONDS
# CPU_MS_A_SECOND`: how long one pass took, and what all passes of 30 seconds cost.
# shellcheck source=tests/e2e/lib.sh
# shellcheck disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"

seconds=${1:-60}
sessions=${2:-1000000}
batch=20000 # connections of one client

cpu_seconds() { # PID
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hz }' "/proc/$1/stat"
}

# Connections for a while; sets made and took (seconds).
make_connections() {
    local begin end
    made=0
    begin=$(date +%s.%N)
    while end=$(date +%s.%N) && [ "$(echo "$end - $begin < $seconds" | bc)" = 1 ]; do
        in_b "$TRAFFIC" client --addr "$A4" --port 80 --count $batch --concurrency 100 --path /1000 --close server \
            --log "$WORK/client.log" "${SOURCES[@]}" >/dev/null || die "the client failed"
        made=$((made + batch))
    done
    took=$(echo "$end - $begin" | bc)
}

run_mode() { # NAME: none, records, pcapng, tcpdump
    local name=$1 pid="" cpu=0 records=- lost=-
    case $name in
    records) start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM" ;;
    pcapng) start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM" --pcapng --depth all ;;
    tcpdump)
        ip netns exec "$NS_A" tcpdump -Z root -i "$IF_A" -w "$WORK/all.pcap" -B 65536 2>"$WORK/tcpdump.err" &
        pid=$!
        sleep 1
        ;;
    esac
    make_connections
    case $name in
    records | pcapng)
        sleep 1
        cpu=$(cpu_seconds "$SESSTAP_PID")
        stop_sesstap || die "$name: sesstap run failed"
        records=$(grep -c '"TcpSession"' "$OUT/sessions.ndjson")
        [ "$records" -eq "$made" ] || die "$name: $records records of $made connections"
        lost=$(metric sesstap_payload_lost_bytes_total)
        ;;
    tcpdump)
        cpu=$(cpu_seconds "$pid")
        kill -TERM "$pid"
        wait "$pid"
        lost=$(sed -n 's/ packets dropped by kernel//p' "$WORK/tcpdump.err")_packets
        ;;
    esac
    echo "connections $name $(echo "$made / $took" | bc) $cpu $records $lost"
    rm -rf "$OUT" "$WORK/all.pcap"
}

many_sessions() {
    local table
    start_sesstap -i "$IF_A" -o "$OUT" --prom "$PROM" --max-flows $((sessions + sessions / 4))
    in_b "$BUILD/tests/bench/open_sessions" "$IF_B" "$sessions" || die "cannot open sessions"
    sleep 8
    table=$(sed -n 's/.* sessions in \(.*\) of kernel memory.*/\1/p' "$SESSTAP_ERR" | head -n 1 | tr -d ' ')
    echo "open $sessions $(awk '$1 == "VmRSS:" { print $2 }' "/proc/$SESSTAP_PID/status") ${table:--} $(pass_seconds) $(idle_ms)"
    stop_sesstap || die "sesstap run failed"
    [ "$(grep -c '"TcpSession"' "$OUT/sessions.ndjson")" -eq "$sessions" ] || die "not all sessions were recorded"
}

# How long a pass took that found all sessions.
pass_seconds() {
    for _ in $(seq 120); do
        [ "$(metric sesstap_flow_table_entries)" -lt "$sessions" ] || break
        sleep 1
    done
    awk '$1 == "sesstap_flow_table_pass_seconds" { print $2 }' "$PROM"
}

# CPU time in a second of nothing but passes through the table. Of many seconds: a pass is one part in twenty of the time.
idle_ms() {
    local before
    before=$(cpu_seconds "$SESSTAP_PID")
    sleep 30
    echo "($(cpu_seconds "$SESSTAP_PID") - $before) * 1000 / 30" | bc
}

need_root
need tcpdump bc
ns_pair
more_sources 2
in_b sh -c 'echo 20000 29999 >/proc/sys/net/ipv4/ip_local_port_range'
spawn_server "$NS_A" server server --addr "$A4" --port 80 --log "$WORK/server.log"
for mode in ${MODES:-none records pcapng tcpdump}; do
    run_mode "$mode"
done
end_process "$SPAWNED" TERM
many_sessions
