# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What the end-to-end tests share: a pair of network namespaces, sesstap in one of them, traffic, assertions.
# A test sources this file first and calls `finish` last. Names hold the process id, so tests run side by side.
#
#   namespace $NS_A (the host: sesstap runs here)        namespace $NS_B (the container)
#     $IF_A 10.77.0.1/16 fd77::1/64        ----veth----    $IF_B 10.77.0.2/16 fd77::2/64
#
# Files go to $WORK, which is removed at the end unless KEEP=1 is set.
set -u

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
SESSTAP=${SESSTAP:-$BUILD/sesstap}
TRAFFIC=${TRAFFIC:-$BUILD/tests/e2e/traffic}
HOOKS=${HOOKS:-$BUILD/tests/e2e/hooks}
E2E=$ROOT/tests/e2e
TEST_NAME=$(basename "$0" .sh)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sesstap-$TEST_NAME.XXXXXX")
OUT=$WORK/out
PROM=$WORK/sesstap.prom
SESSTAP_ERR=$WORK/sesstap.err
SESSTAP_PID=
FAILURES=0
CLEANUP=()

A4=10.77.0.1 B4=10.77.0.2 A6=fd77::1 B6=fd77::2
NS_A='' NS_B='' IF_A=va IF_B=vb PAIRED_US=0

# ---- the end, whatever way it comes

on_exit() { # COMMAND WORD...: run at the end, last one first
    CLEANUP+=("$(printf '%q ' "$@")")
}

run_cleanup() {
    local i
    trap '' INT TERM HUP
    for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do
        eval "${CLEANUP[i]}" >/dev/null 2>&1
    done
    if [ -n "${KEEP-}" ]; then
        echo "kept: $WORK"
    else
        rm -rf "$WORK"
    fi
}
trap run_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

finish() {
    [ "$FAILURES" -eq 0 ] || echo "$TEST_NAME: $FAILURES failed"
    exit $((FAILURES > 0))
}

die() { # MESSAGE
    echo "FAIL $TEST_NAME: $1"
    exit 1
}

end_process() { # PID [SIGNAL]: ends a child of ours, killed when that takes over 30 s; its exit status
    local i
    kill "-${2:-TERM}" "$1" 2>/dev/null
    for ((i = 0; i < 1500; i++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.02
    done
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# ---- what a test needs

skip() { # WHY
    echo "SKIP $TEST_NAME: $1"
    exit 77
}

need_root() {
    [ "$(id -u)" -eq 0 ] || skip "NOT RUN, it needs root"
}

need() { # COMMAND...
    local command
    for command; do
        command -v "$command" >/dev/null || skip "NOT RUN, it needs the command $command (scripts/deps.sh test)"
    done
}

# Where all is slow (tests/vm) there are fewer connections and bytes: E2E_SCALE times fewer.
scaled() { # NUMBER
    echo $(($1 / ${E2E_SCALE:-1}))
}

# ---- assertions: one case each

pass() { # WHAT
    echo "ok $1"
}

fail() { # WHAT
    echo "FAIL $1"
    FAILURES=$((FAILURES + 1))
}

assert_eq() { # WHAT EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then
        pass "$1 ($3)"
    else
        fail "$1: expected '$2', got '$3'"
    fi
}

assert_true() { # WHAT COMMAND WORD...
    local what=$1
    shift
    if "$@"; then
        pass "$what"
    else
        fail "$what: not true: $*"
    fi
}

# ---- namespaces

in_ns() { # NAMESPACE COMMAND...
    ip netns exec "$@"
}
in_a() { in_ns "$NS_A" "$@"; }
in_b() { in_ns "$NS_B" "$@"; }

ns_del() { # NAMESPACE: and what still runs in it
    local pids
    mapfile -t pids < <(ip netns pids "$1")
    [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}"
    ip netns del "$1"
}

ns_new() { # NAMESPACE: with lo up, many local ports and no chatter of its own
    ip netns add "$1" || die "cannot make a network namespace"
    on_exit ns_del "$1"
    # shellcheck disable=SC2016
    in_ns "$1" sh -c '
        ip link set lo up
        cd /proc/sys/net
        echo 1024 65535 >ipv4/ip_local_port_range
        echo 65535 >core/somaxconn
        echo 16384 >ipv4/tcp_max_syn_backlog
        echo 0 >ipv4/tcp_tw_reuse
        echo 10 >ipv6/conf/default/mldv2_unsolicited_report_interval
        echo 0 >ipv6/conf/default/router_solicitations
        echo 0 >ipv6/conf/default/accept_ra' || die "cannot set up namespace $1"
}

ns_pair() { # [NAME]: sets NS_A and NS_B, joined as the picture above shows
    local id=sst-$$${1:+-$1}
    NS_A=$id-a NS_B=$id-b
    ns_new "$NS_A"
    ns_new "$NS_B"
    ip link add "$IF_A" netns "$NS_A" type veth peer name "$IF_B" netns "$NS_B" || die "cannot make a veth pair"
    ns_address "$NS_A" "$IF_A" "$A4" "$A6"
    ns_address "$NS_B" "$IF_B" "$B4" "$B6"
    PAIRED_US=${EPOCHREALTIME/./}
}

ns_address() { # NAMESPACE IFACE IPV4 IPV6: and up
    ip -n "$1" link set "$2" addrgenmode none
    ip -n "$1" addr add "$3/16" dev "$2"
    ip -n "$1" addr add "$4/64" dev "$2" nodad
    ip -n "$1" link set "$2" up
}

ns_alike() { # IFACE NAMESPACE: made, with a pair that leads nowhere else, alike to all others made so
    ns_new "$2"
    ns_new "$2-end"
    ip link add "$1" index 77 netns "$2" type veth peer name end netns "$2-end" || die "cannot make a veth pair"
    ip -n "$2" addr add 10.9.0.1/24 dev "$1"
    ip -n "$2-end" addr add 10.9.0.2/24 dev end
    ip -n "$2" link set "$1" up
    ip -n "$2-end" link set end up
}

say() { # NAMESPACE COUNT: that many datagrams of 10 bytes to 10.9.0.2, always from the same port
    in_ns "$1" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.1", 5000))
for i in range(int(sys.argv[1])):
    s.sendto(b"0123456789", ("10.9.0.2", 5000))' "$2"
}

more_sources() { # COUNT: gives B the addresses 10.77.1.1... and sets SOURCES to --bind arguments for them
    local i
    SOURCES=()
    for ((i = 1; i <= $1; i++)); do
        ip -n "$NS_B" addr add "10.77.1.$i/16" dev "$IF_B"
        SOURCES+=(--bind "10.77.1.$i")
    done
}

iface_stat() { # NAMESPACE IFACE STATISTIC
    in_ns "$1" cat "/sys/class/net/$2/statistics/$3"
}

iface_counters() { # NAMESPACE IFACE: prints rx_packets tx_packets
    # shellcheck disable=SC2016
    in_ns "$1" sh -c 'cd /sys/class/net/$0/statistics && echo $(cat rx_packets) $(cat tx_packets)' "$2"
}

iface_total() { # NAMESPACE IFACE: every skb that passed its hooks: received, sent, sent but not taken by the peer
    # shellcheck disable=SC2016
    in_ns "$1" sh -c 'cd /sys/class/net/$0/statistics &&
        echo $(($(cat rx_packets) + $(cat tx_packets) + $(cat tx_dropped)))' "$2"
}

# Until nothing has passed $IF_A for 300 ms, at most 6 s. A new interface says its multicast groups again after a second.
wait_quiet() {
    local before='' now i
    [ $((${EPOCHREALTIME/./} - PAIRED_US)) -ge 1400000 ] || sleep 1.4
    for ((i = 0; i < 20; i++)); do
        now=$(iface_counters "$NS_A" "$IF_A")
        [ "$now" != "$before" ] || return 0
        before=$now
        sleep 0.3
    done
}

# Segments that both namespaces' TCP has sent, retransmissions too: the kernel's own count of wire packets.
tcp_segments() {
    local ns sum=0
    for ns in "$NS_A" "$NS_B"; do
        sum=$((sum + $(in_ns "$ns" awk '/^Tcp: [0-9]/ { print $12 + $13 }' /proc/net/snmp)))
    done
    echo "$sum"
}

# Of these, the segments that were sent again.
tcp_resent() {
    local ns sum=0
    for ns in "$NS_A" "$NS_B"; do
        sum=$((sum + $(in_ns "$ns" awk '/^Tcp: [0-9]/ { print $13 }' /proc/net/snmp)))
    done
    echo "$sum"
}

# ---- processes in a namespace

# Starts a program, waits until its output holds PATTERN, sets SPAWNED to its pid. Output: $WORK/NAME.out
spawn() { # NAMESPACE NAME PATTERN COMMAND...
    local ns=$1 out=$WORK/$2.out pattern=$3 i
    shift 3
    : >"$out"
    set -m
    ip netns exec "$ns" "$@" >"$out" 2>&1 &
    SPAWNED=$!
    set +m
    on_exit end_process "$SPAWNED" KILL
    for ((i = 0; i < 500; i++)); do
        ! grep -q "$pattern" "$out" || return 0
        kill -0 "$SPAWNED" 2>/dev/null || break
        sleep 0.02
    done
    cat "$out"
    die "$* did not start"
}

spawn_server() { # NAMESPACE NAME TRAFFIC-ARGUMENT...: a server of the traffic program
    spawn "$1" "$2" '^traffic: listening' "$TRAFFIC" "${@:3}"
}

# `sesstap run` in namespace A, not waited for. Job control, so that it does not begin with SIGINT ignored.
launch_sesstap() { # ARGUMENT...
    set -m
    ip netns exec "$NS_A" "$SESSTAP" run "$@" >"$WORK/sesstap.out" 2>"$SESSTAP_ERR" &
    SESSTAP_PID=$!
    set +m
    on_exit end_process "$SESSTAP_PID" KILL
}

start_sesstap() { # ARGUMENT...: `sesstap run` in namespace A; returns when it is attached, waits a minute at least
    local i
    mkdir -p "$OUT"
    : >"$SESSTAP_ERR"
    launch_sesstap "$@"
    for ((i = 0; i < 3000; i++)); do
        ! grep -q '^sesstap: tracking' "$SESSTAP_ERR" || return 0
        kill -0 "$SESSTAP_PID" 2>/dev/null || break
        sleep 0.02
    done
    cat "$SESSTAP_ERR"
    die "sesstap run $* is not tracking"
}

stop_sesstap() { # [SIGNAL]: its exit status
    local status=0
    end_process "$SESSTAP_PID" "${1:-INT}" || status=$?
    SESSTAP_PID=
    return "$status"
}

# ---- what sesstap said

record_query() { # JQ-FILTER [JQ-ARGUMENT...]: over every record that was written
    jq -r "${@:2}" "$1" "$OUT/sessions.ndjson"
}

record_count() { # JQ-CONDITION
    jq -n "[inputs | select($1)] | length" "$OUT/sessions.ndjson"
}

record_sum() { # JQ-EXPRESSION: summed over all records
    jq -n "reduce (inputs | $1) as \$x (0; . + \$x)" "$OUT/sessions.ndjson"
}

metric() { # NAME [LABEL="VALUE"]: its samples summed up; empty when there is none
    awk -v name="$1" -v label="${2-}" '
        substr($0, 1, length(name)) == name && substr($0, length(name) + 1, 1) ~ /[ {]/ &&
            (label == "" || index($0, label)) { sum += $NF; found = 1 }
        END { if (found) printf "%.0f\n", sum }' "$PROM"
}

# Sets SEEN, TRACKED and UNACCOUNTED from the last line of totals, and checks that it adds up.
totals() {
    local line reasons
    line=$(grep '^sesstap: packets seen ' "$SESSTAP_ERR" | tail -n 1)
    read -r SEEN TRACKED UNACCOUNTED reasons < <(awk -F'[()]' '{
        split($1, head, " "); n = split($2, list, ", ")
        for (i = 1; i <= n; i++) { split(list[i], one, " "); sum += one[2] }
        print head[4], head[7], head[10], sum + 0 }' <<<"$line")
    if [ -z "$line" ] || [ -z "${UNACCOUNTED-}" ]; then
        SEEN=0 TRACKED=0 UNACCOUNTED=0
        fail "a line of totals at the end"
        return
    fi
    assert_eq "totals: seen = tracked + unaccounted" "$SEEN" $((TRACKED + UNACCOUNTED))
    assert_eq "totals: unaccounted = sum of its reasons" "$UNACCOUNTED" "$reasons"
}

# After totals: both counts of skbs are the interface's own.
assert_skbs() { # SKBS [CASE]
    assert_eq "${2:+$2: }seen = skbs of the interface" "$1" "$SEEN"
    assert_eq "${2:+$2: }skbs_total = skbs of the interface" "$1" "$(metric sesstap_skbs_total)"
}

# $WORK/client.log and $WORK/server.log, with all of both, against the records.
assert_books() { # RECORDS WHAT [ARGUMENT...]: of compare_books.py
    assert_true "$2 equal the books of client and server" python3 "$E2E/compare_books.py" \
        --client "$WORK/client.log" --server "$WORK/server.log" --records "$1" "${@:3}"
}

# For each record: seen = delivered + beyond depth + lost, and seen + retransmitted + out of window = payload on the wire.
assert_ledgers() {
    assert_eq "ledger: records where seen is not delivered + beyond depth + lost" 0 "$(record_count '
        .ledger != null and .ledger.payload_seen !=
        (.ledger.payload_delivered + .ledger.payload_beyond_depth + .ledger.payload_lost)')"
    assert_eq "ledger: TCP records where seen + retransmitted is not the payload on the wire" 0 "$(record_count '
        .["@type"] == "TcpSession" and (.ledger.payload_seen + (.tcp.quality_fwd.retransmit_bytes // 0) +
        (.tcp.quality_rev.retransmit_bytes // 0) + (.tcp.quality_fwd.out_of_window_bytes // 0) +
        (.tcp.quality_rev.out_of_window_bytes // 0)) != (.out.payload + .in.payload)')"
}
