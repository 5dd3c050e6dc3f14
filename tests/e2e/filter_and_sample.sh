#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: -f leaves out in the kernel what does not match, IPv4, IPv6 and by an offloaded VLAN tag, and counts it to the
# packet; --depth-for reads one port's sessions whole and of others nothing; --sample 1/4 keeps about a quarter of 2000
# connections, each whole; --payload-rate holds the rate under bulk, and every byte stands in the ledger.
# alone: it measures a rate, and a tcpdump beside it is to drop nothing.
. "$(dirname "$0")/lib.sh"
need_root
need jq tcpdump python3

reason() { # NAME: socket buffers of that reason in the totals
    grep -o "\b$1 [0-9]*" "$SESSTAP_ERR" | tail -n 1 | cut -d ' ' -f 2
}

begin() { # NAME ARGUMENT...
    OUT=$WORK/$1
    start_sesstap -o "$OUT" --prom "$PROM" "${@:2}"
}

end() { # NAME
    sleep 0.3
    stop_sesstap
    assert_eq "$1: exit status" 0 $?
    totals
}

ns_pair
# Datagrams to port 80 in VLAN 5: the kernel takes the tag out before it hands them to anyone.
tagged() { # COUNT
    in_b python3 - "$IF_B" "$1" <<'EOF' || fail "tagged frames"
import socket, struct, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
for i in range(int(sys.argv[2])):
    udp = struct.pack("!HHHH", 4000 + i, 80, 8 + 20, 0) + b"x" * 20
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, bytes([10, 77, 0, 9]), bytes([10, 77, 0, 8]))
    out.send(b"\xff" * 6 + b"\x02" * 6 + struct.pack("!HHH", 0x8100, 5, 0x0800) + ip + udp)
EOF
}

spawn_server "$NS_A" http server --addr 0.0.0.0 --port 80
spawn_server "$NS_A" other server --addr 0.0.0.0 --port 8080
spawn_server "$NS_A" http6 server --addr "$A6" --port 80

fetch() { # ADDRESS PORT COUNT
    in_b "$TRAFFIC" client --addr "$1" --port "$2" --count "$3" --concurrency 4 --path /3000 || fail "fetch from $1 $2"
}
fetch_all() {
    fetch "$A4" 80 30
    fetch "$A6" 80 20
    fetch "$A4" 8080 40
    tagged 10
}

# ---- filters

begin port -i "$IF_A" -f 'tcp port 80'
fetch_all
end port
assert_eq "port: records" 50 "$(record_count 'true')"
assert_eq "port: of IPv4 and of IPv6" "30 20" "$(record_count '.dst.ip == "10.77.0.1"') $(record_count '.dst.ip == "fd77::1"')"
assert_eq "port: all to port 80" 50 "$(record_count '.dst.port == 80')"
assert_eq "port: payload, of heads of 60 bytes and bodies" $((50 * 3060)) "$(record_sum .in.payload)"
assert_eq "port: all else is filtered" "$UNACCOUNTED" "$(reason filtered)"
assert_eq "port: the metric counts what the totals do, or wire packets" true \
    "$([ "$(metric sesstap_unaccounted_packets_total 'reason="filtered"')" -ge "$UNACCOUNTED" ] && echo true)"

begin vlan -i "$IF_A" -f 'vlan 5 and udp port 80'
fetch_all
end vlan
assert_eq "vlan: records" 10 "$(record_count 'true')"
assert_eq "vlan: all of VLAN 5" 10 "$(record_count '.link.vlan == [5] and .dst.ip == "10.77.0.8"')"

begin none -i "$IF_A" -f 'udp port 80 or port 81 or vlan 6'
fetch_all
end none
assert_eq "none: no records; as in a capture file, the tag of a datagram to port 80 moves its port" 0 \
    "$(wc -l <"$OUT/sessions.ndjson")"
assert_eq "none: everything is filtered" "$SEEN" "$(reason filtered)"

# What tcpdump's kernel filter takes of the same traffic at the same interface, sesstap tracks.
begin peer -i "$IF_A" -f 'tcp[tcpflags] & tcp-syn != 0 and dst net 10.77.0.0/16 and not port 8080'
spawn "$NS_A" tcpdump 'listening on' tcpdump -Z root --immediate-mode -s 128 -B 16384 -Uni "$IF_A" -w "$WORK/peer.pcap" \
    'tcp[tcpflags] & tcp-syn != 0 and dst net 10.77.0.0/16 and not port 8080'
fetch "$A4" 80 30
fetch "$A4" 8080 40
sleep 0.5
end_process "$SPAWNED" INT
end peer
assert_eq "peer: as many packets as tcpdump took" "$(tcpdump -nr "$WORK/peer.pcap" 2>/dev/null | wc -l)" "$TRACKED"
assert_eq "peer: records" 30 "$(record_count 'true')"

# ---- depth

begin depth -i "$IF_A" --streams --depth 100 --depth-for 'port 80 and ip6=all' --depth-for 'port 8080=none'
fetch_all
end depth
assert_eq "depth: the first filter's sessions are whole" 20 \
    "$(record_count '.dst.ip == "fd77::1" and .ledger.payload_beyond_depth == 0 and .ledger.payload_delivered > 3000')"
assert_eq "depth: of the second's nothing is read" 40 "$(record_count '.dst.port == 8080 and .ledger.payload_delivered == 0')"
assert_eq "depth: the others have --depth" 30 \
    "$(record_count '.dst.port == 80 and .dst.ip == "10.77.0.1" and .ledger.payload_delivered <= 200 and .ledger.payload_delivered > 100')"
assert_ledgers

# ---- sampling

begin sample -i "$IF_A" --sample 1/4 --streams --depth all
in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 2000 --concurrency 20 --path /1000 --log "$WORK/sample.log" || fail "client"
end sample
kept=$(record_count 'true')
assert_true "sample: about a quarter of 2000 is kept ($kept)" test "$kept" -ge 400 -a "$kept" -le 600
assert_eq "sample: each of them is whole" "$kept" "$(record_count \
    '.close.reason == "fin" and .missedSyn == false and .in.payload > 1000 and .ledger.payload_delivered == .ledger.payload_seen')"
assert_eq "sample: what is not kept is counted" "$UNACCOUNTED" "$(reason not_sampled)"
assert_eq "sample: records and metrics say so" "$kept 4" \
    "$(record_count '.ledger.sample_one_in == 4') $(metric sesstap_sample_one_in)"
assert_true "sample: four times as many packets there were, about" \
    test $((TRACKED * 4)) -gt $((SEEN * 3 / 4)) -a $((TRACKED * 4)) -lt $((SEEN * 5 / 4))

# ---- rate

BYTES=300000000
RATE=$((4 << 20))
bulk() { # NAME ARGUMENT...
    local begun
    begin "$1" -i "$IF_A" --depth all --payload-rate 4M/s "${@:2}"
    begun=${EPOCHREALTIME/./}
    in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --bytes $BYTES --log "$WORK/$1.log" || fail "bulk"
    fetch "$A4" 8080 20
    sleep 0.5
    fetch "$A4" 8080 20
    end "$1"
    TOOK_US=$((${EPOCHREALTIME/./} - begun))
    assert_eq "$1: records" 41 "$(record_count 'true')"
    assert_ledgers
    read -r _ _ _ _ up down _ <"$WORK/$1.log"
    delivered=$(record_sum .ledger.payload_delivered)
    over=$(record_sum '(.ledger.payload_over_rate // 0)')
    # The budget of the time that passed, and of the tenth of a second before; overdrawn by a socket buffer a CPU.
    assert_true "$1: no more is read than the rate allows ($delivered)" \
        test "$delivered" -le $((RATE * (TOOK_US / 1000 + 100) / 1000 + 65536 * $(nproc)))
    assert_true "$1: but some of it is" test "$delivered" -ge $((RATE / 20))
    assert_eq "$1: what was cut off is all of beyond_depth" "$(record_sum .ledger.payload_beyond_depth)" "$over"
    assert_eq "$1: nothing is lost" 0 "$(record_sum .ledger.payload_lost)"
    assert_eq "$1: the metric counts the same" "$over" "$(metric sesstap_payload_over_rate_bytes_total)"
    assert_true "$1: the end says so" grep -q "payload cut off by --payload-rate: $over bytes" "$SESSTAP_ERR"
    assert_eq "$1: payload of the bulk transfer is all counted" $((up + down)) \
        "$(record_query 'select(.in.payload > 1000000) | .ledger.payload_seen')"
    assert_eq "$1: later sessions are read again" true \
        "$([ "$(record_count '.dst.port == 8080 and .ledger.payload_delivered == .ledger.payload_seen')" -ge 10 ] && echo true)"
}

bulk rate --streams
bulk headers --pcapng
capture=$(record_query 'select(.in.payload > 1000000) | .name | split(".")[0]')
packets=$(record_query 'select(.in.payload > 1000000) | .packetsCount')
assert_eq "headers: the capture has every packet of the bulk transfer" "$packets" \
    "$(tcpdump -nr "$OUT/pcap/$capture.pcapng" 2>/dev/null | wc -l)"
finish
