#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: stopped by SIGINT, SIGTERM or SIGKILL at any moment, also before it is attached, sesstap leaves no program, filter
# or qdisc on the interface (by clsact, after SIGKILL, the next start removes them), and another program's filters there
# stay as they were and go on counting. By TCX links and by the clsact fallback. ROUNDS=100 for a long run.
. "$(dirname "$0")/lib.sh"
need_root
need tc bpftool jq

ROUNDS=${ROUNDS:-6} # of each kind of attachment
BYSTANDER=$BUILD/tests/e2e/bystander.bpf.o

add_bystander() {
    in_a tc qdisc add dev "$IF_A" clsact || die "cannot add a clsact qdisc"
    in_a tc filter add dev "$IF_A" ingress pref 1 bpf da obj "$BYSTANDER" sec tc &&
        in_a tc filter add dev "$IF_A" egress pref 60000 bpf da obj "$BYSTANDER" sec tc || die "cannot add a tc filter"
}

bystander_count() { # DIRECTION: packets that the other program's filter has counted
    local program map
    program=$(in_a tc -j filter show dev "$IF_A" "$1" | jq '[.. | .prog? | select(.name == "count_and_go_on") | .id][0]')
    map=$(bpftool -j prog show id "$program" | jq '.map_ids[0]')
    bpftool -j map dump id "$map" | jq '.[0].formatted.value // .[0].value'
}

# Everything that hangs on the interface: TCX programs, qdiscs, filters.
attached() {
    in_a "$HOOKS" "$IF_A"
    in_a tc qdisc show dev "$IF_A"
    in_a tc filter show dev "$IF_A" ingress
    in_a tc filter show dev "$IF_A" egress
}

# Sets SPAN_MS to twice the time that sesstap takes to be attached: half of the random moments lie before that.
measure_start() {
    local begin_us=${EPOCHREALTIME/./}
    start_sesstap -o "$OUT"
    SPAN_MS=$(((${EPOCHREALTIME/./} - begin_us) / 500))
    stop_sesstap
}

# Runs sesstap and ends it after a random time. An INT or TERM that comes before its handlers are there kills it.
stop_once() { # SIGNAL: sets STATUS and MILLISECONDS
    MILLISECONDS=$((RANDOM % SPAN_MS))
    STATUS=0
    launch_sesstap -o "$OUT"
    sleep "$(printf '%d.%03d' $((MILLISECONDS / 1000)) $((MILLISECONDS % 1000)))"
    stop_sesstap "$1" || STATUS=$?
}

good_status() { # SIGNAL STATUS
    case $1 in
    KILL) [ "$2" -eq 137 ] ;;
    *) [ "$2" -eq 0 ] || { [ "$2" -gt 128 ] && ! grep -q '^sesstap: tracking' "$SESSTAP_ERR"; } ;;
    esac
}

rounds() { # NAME
    local before signal i wrong=0 signals=(INT TERM KILL)
    before=$(attached)
    for ((i = 0; i < ROUNDS; i++)); do
        signal=${signals[i % 3]}
        stop_once "$signal"
        good_status "$signal" $STATUS || {
            wrong=$((wrong + 1))
            echo "$1: status $STATUS after SIG$signal at $MILLISECONDS ms: $(tail -n 1 "$SESSTAP_ERR")"
        }
        if [ "$signal" = KILL ] && [ "${SESSTAP_TC-}" = clsact ]; then
            start_sesstap -o "$OUT"
            stop_sesstap || wrong=$((wrong + 1))
        fi
        [ "$(attached)" = "$before" ] || {
            wrong=$((wrong + 1))
            echo "$1: after SIG$signal at $MILLISECONDS ms there is more, or less, than before:"
            diff <(echo "$before") <(attached)
        }
    done
    assert_eq "$1: rounds that went wrong" 0 $wrong
}

flood() { # traffic on the interface, without an end
    while in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 200 --concurrency 20 >/dev/null 2>&1; do sleep 0.1; done
}

bystander_goes_on() { # WHEN
    local in out
    in=$(bystander_count ingress) out=$(bystander_count egress)
    in_b ping -q -c 3 -i 0.1 "$A4" >/dev/null
    assert_true "$1: the other program's filters count on" test "$(bystander_count ingress)" -ge $((in + 3)) -a \
        "$(bystander_count egress)" -ge $((out + 3))
}

ns_pair
spawn_server "$NS_A" server server --addr "$A4" --port 80
flood &
on_exit kill $!

in_a "$HOOKS" "$IF_A" >/dev/null
tcx=$?
for kind in tcx clsact; do
    if [ $kind = clsact ]; then
        export SESSTAP_TC=clsact
    elif [ $tcx -eq 77 ]; then
        echo "SKIP stop_anytime tcx: this kernel has no TCX"
        continue
    fi
    measure_start
    rounds "$kind, alone on the interface"
    add_bystander
    start_sesstap -o "$OUT"
    bystander_goes_on "$kind, while sesstap runs"
    stop_sesstap
    assert_eq "$kind: exit status" 0 $?
    rounds "$kind, beside another program"
    bystander_goes_on "$kind, afterwards"
    in_a tc qdisc del dev "$IF_A" clsact
done
finish
