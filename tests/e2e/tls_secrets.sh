#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: pcapng files that carry their sessions' TLS secrets. What read --pcapng, extract -w and run --pcapng write, tshark
# opens deciphered with no keys given; from the middle of a session on it is deciphered by what the file says of the
# handshake; live the key log is read while it grows.      timeout: 120
. "$(dirname "$0")/lib.sh"
need_root
need openssl tshark tcpdump jq

KEYS=$WORK/keys.log
CAPTURE=$WORK/all.pcap
LINES=30
PORTS=(443 444 447)
SERVERS=('' '-tls1_2' '-tls1_2 -cipher ECDHE-RSA-AES128-SHA') # by port: TLS 1.3, 1.2 with AEAD, with CBC

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" -out "$WORK/cert" -days 30 -subj '/CN=server.example' 2>/dev/null ||
    die "no certificate"
ns_pair

talk() { # PORT: lines with pauses, so that each is a record; sleeps until the handshake is done
    local i
    sleep 0.7
    for ((i = 0; i < LINES; i++)); do
        echo "line $i of $1"
        sleep 0.02
    done
    sleep 0.3
}

talk_all() { # KEY-LOG
    local port pids=()
    for port in "${PORTS[@]}"; do
        talk "$port" | in_b timeout 20 openssl s_client -connect "$A4:$port" -keylogfile "$1" -quiet -no_ign_eof >"$WORK/said.$port" 2>/dev/null &
        pids+=($!)
    done
    wait "${pids[@]}"
}

expected() { # PORT: what the client said
    seq 0 $((LINES - 1)) | sed "s/.*/line & of $1/"
}

# What a client said, as tshark follows it in a file, with no keys.
by_tshark() { # FILE STREAM
    tshark -n -r "$1" -q -z "follow,tls,raw,$2" 2>/dev/null | awk '/^Node 0:/ { swapped = /:44[0-9]$/ } /^\t?[0-9a-f]+$/ { tab = /^\t/; if (tab == swapped) { sub(/^\t/, ""); print } }' |
        xxd -r -p
}

opens() { # WHAT FILE PORT [STREAM]
    assert_eq "$1: tshark reads what the client said" "$(expected "$3" | md5sum)" "$(by_tshark "$2" "${4:-0}" | md5sum)"
    assert_eq "$1: and sesstap does" "$(expected "$3" | md5sum)" \
        "$("$SESSTAP" follow "$2" "tcp:${4:-0}" --decrypted --client --format raw 2>"$WORK/follow.err" | md5sum)"
}

for i in "${!PORTS[@]}"; do
    # shellcheck disable=SC2086
    in_a openssl s_server -accept "$A4:${PORTS[i]}" -rev -cert "$WORK/cert" -key "$WORK/key" ${SERVERS[i]} >"$WORK/server.$i" 2>&1 &
done
in_a tcpdump -i "$IF_A" -U -w "$CAPTURE" tcp 2>"$WORK/tcpdump.err" &
TCPDUMP=$!
on_exit end_process $TCPDUMP
start_sesstap -i "$IF_A" -o "$OUT" --pcapng --depth all --keylog "$KEYS"
for ((i = 0; i < 100; i++)); do
    grep -q listening "$WORK/tcpdump.err" && break
    sleep 0.05
done
talk_all "$KEYS"
sleep 1
end_process $TCPDUMP
stop_sesstap || fail "sesstap run: $(tail -n 3 "$SESSTAP_ERR")"

jq -c 'select(.tls) | [.dst.port, .name, .tls.version, .tls.decrypted, .tls.undecrypted_records // 0]' "$OUT/sessions.ndjson" | sort >"$WORK/live"
assert_eq "live: deciphered with a key log that grows" "443 TLS 1.3 true 0,444 TLS 1.2 true 0,447 TLS 1.2 true 0" \
    "$(jq -r '"\(.[0]) \(.[2]) \(.[3]) \(.[4])"' "$WORK/live" | paste -sd,)"
while IFS=$'\t' read -r port name; do
    opens "live, $port" "$(echo "$OUT/pcap/${name%%.*}".*)" "$port"
done < <(jq -r '[.[0], .[1]] | @tsv' "$WORK/live")

"$SESSTAP" read --keylog "$KEYS" --pcapng -o "$WORK/read" "$CAPTURE" 2>"$WORK/read.err" || fail "read: $(tail -n 2 "$WORK/read.err")"
while IFS=$'\t' read -r port name stream; do
    file=$(echo "$WORK/read/pcap/${name%%.*}".*)
    opens "read, $port" "$file" "$port"
    "$SESSTAP" extract "$CAPTURE" "tcp:$stream" --keylog "$KEYS" -w "$WORK/one.pcapng" 2>"$WORK/extract.err" ||
        fail "extract: $(tail -n 2 "$WORK/extract.err")"
    opens "extract, $port" "$WORK/one.pcapng" "$port"
    "$SESSTAP" extract "$WORK/one.pcapng" tcp:0 -w "$WORK/two.pcapng" 2>"$WORK/extract.err" || fail "extract twice"
    opens "extract of an extract, $port" "$WORK/two.pcapng" "$port"

    # The packets from the 30th on: no handshake, and the secrets' block stays.
    tshark -n -r "$WORK/one.pcapng" -Y 'frame.number >= 30' -w "$WORK/late.pcapng" 2>/dev/null || fail "tshark cannot cut"
    "$SESSTAP" follow "$WORK/late.pcapng" tcp:0 --decrypted --client --format raw >"$WORK/late" 2>"$WORK/follow.err"
    count=$(wc -l <"$WORK/late")
    assert_true "from the middle on, $port: $count lines" [ "$count" -ge 5 ]
    assert_eq "from the middle on, $port: the last of what was said" "$(expected "$port" | tail -n "$count" | md5sum)" "$(md5sum <"$WORK/late")"
done < <(jq -r 'select(.tls) | [.dst.port, .name, .streamIndex] | @tsv' "$WORK/read/sessions.ndjson")
assert_eq "sessions read" 3 "$(jq -c 'select(.tls.decrypted)' "$WORK/read/sessions.ndjson" | wc -l)"

# An index made without the key log says less than this reading does.
"$SESSTAP" index "$CAPTURE" 2>"$WORK/index.err" || fail "index: $(tail -n 2 "$WORK/index.err")"
assert_eq "show with an index and keys" true "$("$SESSTAP" show "$CAPTURE" tcp:0 --keylog "$KEYS" --json 2>/dev/null | jq .tls.decrypted)"

# Lines of our own labels disturb no other reader.
assert_eq "labels of our own are there" 3 "$(grep -ac '^CIPHER_NAME ' "$WORK"/read/pcap/*.pcapng | awk -F: '{ n += $NF } END { print n }')"
finish
