#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: killed by SIGKILL at random moments under load and begun again with --pin, sesstap records every session exactly
# once, with the bytes that client and server wrote down, and every skb of the interface is accounted for over all its
# processes; a session that was open all the time keeps its @id. By TCX links and by clsact filters.
# KILLS=200 for a long run (8 without), KINDS=tcx for one of them, SEED=n for the same moments again.   timeout: 3000
. "$(dirname "$0")/lib.sh"
need_root
need jq python3

KILLS=${KILLS:-8}
SEED=${SEED:-$$}
RANDOM=$SEED
OPTIONS=(--interval 0.3)
TALKS='"dst":{[^}]*"port":81,'

mount_bpf() {
    mkdir -p "$WORK/bpf"
    mount -t bpf bpf "$WORK/bpf" || die "cannot mount a BPF file system"
    on_exit umount "$WORK/bpf"
}

# Connections in runs of COUNT, from one address and so on ports used again and again, until $WORK/stop is there.
load() { # NAME CLOSER SOURCE COUNT PAUSE
    local i
    for ((i = 0; ; i++)); do
        [ ! -e "$WORK/stop" ] || return 0
        in_b "$TRAFFIC" client --addr "$A4" --port 80 --count "$4" --concurrency 20 --path /700 --close "$2" \
            --bind "$3" --log "$WORK/$1.$i.log" >"$WORK/$1.out" 2>&1 || cat "$WORK/$1.out" >>"$WORK/load.failed"
        sleep "$5"
    done
}

# The round's number is given. sesstap begins; three times of four it is killed within a second of being attached, else while it begins.
kill_once() {
    local status=0
    if [ $((RANDOM % 4)) -ne 0 ]; then
        start_sesstap -o "$OUT" --pin "$WORK/bpf/$KIND" "${OPTIONS[@]}"
    else
        launch_sesstap -o "$OUT" --pin "$WORK/bpf/$KIND" "${OPTIONS[@]}"
    fi
    sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
    [ $(($1 % 8)) -ne 7 ] || sleep 5 # so that a busy machine can catch up
    RECORDED=$(($(wc -l <"$OUT/sessions.ndjson") - LINES_BEFORE))
    stop_sesstap KILL || status=$?
    [ $status -eq 137 ] || fail "$KIND: it ended by itself, status $status: $(tail -n 1 "$SESSTAP_ERR")"
    LINES_BEFORE=$(wc -l <"$OUT/sessions.ndjson")
    [ "$RECORDED" -le 0 ] || WROTE=$((WROTE + 1))
    sleep "$(printf '0.0%02d' $((RANDOM % 50)))"
}

check() {
    local lines ids
    totals
    assert_eq "$KIND: seen = skbs of the interface" $((after - before)) "$SEEN"
    grep '"close":{' "$OUT/sessions.ndjson" >"$WORK/last.ndjson"
    lines=$(wc -l <"$WORK/last.ndjson")
    ids=$(grep -o '"@id":"[^"]*"' "$WORK/last.ndjson" | sort -u | wc -l)
    assert_eq "$KIND: last records = sessions" "$lines" "$ids"
    assert_eq "$KIND: @ids of the session that was always open" 1 \
        "$(grep "$TALKS" "$OUT/sessions.ndjson" | jq -r '.["@id"]' | sort -u | wc -l)"
    assert_eq "$KIND: its payload" "$TALKED" \
        "$(grep "$TALKS" "$WORK/last.ndjson" | jq -r '"\(.src.port) \(.out.payload) \(.in.payload)"')"
    cat "$WORK"/load?.*.log >"$WORK/client.log"
    grep -v "$TALKS" "$WORK/last.ndjson" >"$WORK/load.ndjson"
    assert_eq "$KIND: packets of all records" "$TRACKED" \
        "$(grep -o '"packetsCount":[0-9]*' "$WORK/last.ndjson" | awk -F: '{ sum += $2 } END { print sum + 0 }')"
    assert_books "$WORK/load.ndjson" "$KIND: records"
}

rounds() {
    local server talk_server talk loads=() i
    rm -rf "$OUT" "$WORK"/*.log "$WORK/stop"
    wait_quiet
    before=$(iface_total "$NS_A" "$IF_A")
    start_sesstap -o "$OUT" --pin "$WORK/bpf/$KIND" "${OPTIONS[@]}"
    spawn_server "$NS_A" server server --addr "$A4" --port 80 --log "$WORK/server.log"
    server=$SPAWNED
    spawn "$NS_A" talk_server listening python3 "$E2E/slow_talk.py" server "$A4" 81
    talk_server=$SPAWNED
    spawn "$NS_B" talk listening python3 "$E2E/slow_talk.py" client "$A4" 81
    talk=$SPAWNED
    load load1 server 10.77.1.1 60 0.2 &
    loads+=($!)
    load load2 client 10.77.1.2 20 0.3 &
    loads+=($!)
    on_exit touch "$WORK/stop"
    stop_sesstap KILL
    WROTE=0 LINES_BEFORE=0
    for ((i = 0; i < KILLS; i++)); do
        kill_once $i
    done
    assert_true "$KIND: $WROTE of $KILLS were killed after they had recorded sessions" test $WROTE -ge $((KILLS / 4))
    touch "$WORK/stop"
    wait "${loads[@]}"
    end_process "$talk" TERM
    TALKED=$(tail -n 1 "$WORK/talk.out")
    wait "$talk_server"
    end_process "$server" TERM
    wait_quiet
    after=$(iface_total "$NS_A" "$IF_A")
    launch_sesstap -o "$OUT" --pin "$WORK/bpf/$KIND" --unpin
    wait "$SESSTAP_PID"
    assert_eq "$KIND: exit status at the end" 0 $?
    assert_true "$KIND: no load went wrong" test ! -e "$WORK/load.failed"
    check
    assert_true "$KIND: nothing is left" test ! -e "$WORK/bpf/$KIND"
}

ns_pair
more_sources 2
in_b sh -c 'echo 20000 29999 >/proc/sys/net/ipv4/ip_local_port_range'
mount_bpf
in_a "$HOOKS" "$IF_A" >/dev/null
tcx=$?
echo "seed $SEED, $KILLS kills"
for KIND in ${KINDS:-tcx clsact}; do
    if [ "$KIND" = clsact ]; then
        export SESSTAP_TC=clsact
    elif [ $tcx -eq 77 ]; then
        echo "SKIP pin_kill tcx: this kernel has no TCX"
        continue
    fi
    rounds
done
assert_eq "hooks left" "ingress
egress" "$(if [ $tcx -eq 77 ]; then printf 'ingress\negress'; else in_a "$HOOKS" "$IF_A"; fi)"
finish
