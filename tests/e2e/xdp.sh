#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: with --mode xdp sesstap sees and records what it does by TC: every connection once with the bytes that client
# and server wrote down, every frame of the interface counted, wire packets as TCP counts them, streams and captures whole,
# jumbo frames too. Another's XDP program is left alone, and a line says that it is there; auto is TC on a veth. Nothing
# stays, also after SIGKILL.      timeout: 600
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 bpftool tcpdump ping

BYTES=50000000
RING_HOLDS=3000000 # of a transfer that is sampled whole, however slowly it is read

xdp_programs() { # names of the XDP programs on $IF_A
    in_a ip -j -d link show "$IF_A" | jq -r '.[0].xdp.prog | select(. != null) | .name'
}

start_line() {
    grep -o 'tracking .*;' "$SESSTAP_ERR"
}

# ---- exact, as by TC

exact_connections() { # NAME [SESSTAP-ARGUMENT...]
    local name=$1 before after server4 server6
    shift
    OUT=$WORK/$name
    wait_quiet
    before=$(iface_total "$NS_A" "$IF_A")
    start_sesstap -o "$OUT" --prom "$PROM" --depth 2000 --streams "$@"
    spawn_server "$NS_A" server4 server --addr "$A4" --port 80 --log "$WORK/server4.log"
    server4=$SPAWNED
    spawn_server "$NS_A" server6 server --addr "$A6" --port 80 --log "$WORK/server6.log"
    server6=$SPAWNED
    in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 3000 --concurrency 50 --path /1000 --log "$WORK/conn4.log" ||
        fail "$name: client"
    in_b "$TRAFFIC" client --addr "$A6" --port 80 --count 1000 --concurrency 10 --path /400 --close client \
        --log "$WORK/conn6.log" || fail "$name: client of IPv6"
    in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --bytes $BYTES --log "$WORK/connbulk.log" || fail "$name: bulk"
    end_process "$server4" TERM
    end_process "$server6" TERM
    wait_quiet
    after=$(iface_total "$NS_A" "$IF_A")
    stop_sesstap
    assert_eq "$name: exit status" 0 $?
    totals
    assert_eq "$name: seen = frames of the interface" $((after - before)) "$SEEN"
    assert_eq "$name: skbs_total = frames of the interface" $((after - before)) "$(metric sesstap_skbs_total)"
    cat "$WORK"/conn*.log >"$WORK/client.log"
    cat "$WORK"/server?.log >"$WORK/server.log"
    assert_books "$OUT/sessions.ndjson" "$name: records"
    assert_ledgers
    assert_eq "$name: no XDP program stays" "" "$(xdp_programs)"
}

ns_pair
exact_connections xdp --mode xdp
assert_eq "xdp: it says so" "tracking 1 interface by xdp in and tcx out;" "$(start_line)"
SESSTAP_TC=clsact exact_connections xdp-clsact --mode xdp
assert_eq "xdp-clsact: it says so" "tracking 1 interface by xdp in and clsact out;" "$(start_line)"
assert_eq "xdp-clsact: no qdisc of ours stays" "" "$(in_a tc qdisc show dev "$IF_A" | grep clsact)"

# ---- jumbo frames: what does not fit a page comes in pieces

whole_transfer() { # MTU DIRECTION
    local name="mtu $1, $2" segments side
    OUT=$WORK/jumbo-$1-$2
    wait_quiet
    start_sesstap -o "$OUT" --mode xdp --depth all --streams --pcap
    segments=$(tcp_segments)
    assert_true "$name: transfer" in_b "$TRAFFIC" bulk "--$2" --addr "$A4" --port 81 --bytes $RING_HOLDS --log "$WORK/bulk.log"
    segments=$(($(tcp_segments) - segments))
    sleep 0.5
    stop_sesstap
    assert_eq "$name: exit status" 0 $?
    totals
    assert_eq "$name: wire packets are TCP's segments" "$segments" "$(record_query .packetsCount)"
    assert_eq "$name: payload lost" 0 "$(record_query '.ledger.payload_lost // 0')"
    assert_eq "$name: packets in the capture" "$segments" "$(tcpdump -r "$OUT"/pcap/*.pcap 2>/dev/null | wc -l)"
    assert_true "$name: the capture has frames of the MTU" test "$(tcpdump -enr "$OUT"/pcap/*.pcap 2>/dev/null |
        grep -c "length $(($1 + 14)):")" -gt $((RING_HOLDS / $1 / 2))
    side=client
    [ "$2" = up ] || side=server
    assert_true "$name: the stream is the body" python3 - "$OUT"/streams/*.$side $RING_HOLDS <<'PY'
import sys
stream, size = open(sys.argv[1], "rb").read(), int(sys.argv[2])
pattern = bytes(range(251))
body = (pattern * (size // 251 + 1))[:size]
sys.exit(not (stream.endswith(body) and len(stream) < size + 1000))
PY
    "$SESSTAP" read "$OUT"/pcap/*.pcap >"$WORK/read.ndjson"
    assert_eq "$name: read from the capture, the same bytes and packets" \
        "$(record_query '[.packetsCount, .out.payload, .in.payload, .out.tcp, .in.tcp] | join(" ")')" \
        "$(jq -r '[.packetsCount, .out.payload, .in.payload, .out.tcp, .in.tcp] | join(" ")' "$WORK/read.ndjson")"
}

spawn_server "$NS_A" server81 server --addr "$A4" --port 81
for mtu in 1500 9000; do
    ip -n "$NS_A" link set "$IF_A" mtu $mtu
    ip -n "$NS_B" link set "$IF_B" mtu $mtu
    whole_transfer $mtu up
    whole_transfer $mtu down
done

# ---- another XDP program

OUT=$WORK/other
ip -n "$NS_A" link set "$IF_A" mtu 1500 # its program is for packets of one piece
ip -n "$NS_B" link set "$IF_B" mtu 1500
in_a ip link set dev "$IF_A" xdpdrv obj "$BUILD/tests/e2e/bystander_xdp.bpf.o" sec xdp || die "cannot attach an XDP program"
status=0
in_a "$SESSTAP" run --mode xdp --duration 1 >"$WORK/sesstap.out" 2>"$SESSTAP_ERR" || status=$?
assert_eq "beside another XDP program, xdp: exit status" 1 $status
assert_true "it says why: $(tail -n 1 "$SESSTAP_ERR")" grep -q "$IF_A: another XDP program is attached" "$SESSTAP_ERR"
assert_eq "the other program stays" count_and_pass "$(xdp_programs)"
start_sesstap -o "$OUT" --mode auto
assert_eq "auto: TC on a veth, where XDP is dear" "tracking 1 interface by tcx;" "$(start_line)"
in_b ping -q -c 5 -i 0.1 "$A4" >/dev/null
stop_sesstap
assert_eq "its sessions" 10 "$(record_query 'select(.["@type"] == "IcmpSession" and .proto == 1) | .packetsCount')"
counted=$(bpftool -j map dump name bystander_xdp | jq '[.. | .value? | numbers] | add')
assert_true "the other program has counted ($counted)" test "$counted" -ge 5
in_a ip link set dev "$IF_A" xdpdrv off

# ---- two at once, and the end by SIGKILL

OUT=$WORK/first
start_sesstap -o "$OUT" --mode xdp
first=$SESSTAP_PID
status=0
in_a "$SESSTAP" run --mode xdp --duration 1 >"$WORK/sesstap.out" 2>"$WORK/second.err" || status=$?
assert_eq "a second one by XDP: exit status" 1 $status
assert_true "a second one by XDP is told why" grep -q "another XDP program" "$WORK/second.err"
assert_eq "the first one stays" sesstap_xdp "$(xdp_programs)"
SESSTAP_PID=$first
stop_sesstap KILL
for round in 1 2; do
    start_sesstap -o "$WORK/killed" --mode xdp
    stop_sesstap KILL
    assert_eq "SIGKILL, round $round: nothing stays" "|ingress|egress" "$(xdp_programs)|$(in_a "$HOOKS" "$IF_A" | paste -sd '|')"
done
finish
