#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: sessions of openssl s_client and s_server in every version and family of ciphers, with resumption, early data,
# client certificates, key updates and renegotiation, deciphered with --keylog to the same bytes as tshark with the same
# keys, and with records that say so; without keys, what is in the clear.      timeout: 200
. "$(dirname "$0")/lib.sh"
need_root
need openssl tshark tcpdump jq python3

KEYS=$WORK/keys.log
CAPTURE=$WORK/all.pcap
FIRST_PORT=20000
BULK_LINE=$(printf 'x%.0s' {1..4000})
NAMES=() # of the cases, in order of their ports

# NAME|VERSION|CIPHER as the record says it|s_server arguments|s_client arguments|what the client does
# does: talk, bulk, update, renegotiate, resume, early, certificate, asks
cases() {
    local suite name legacy='-cipher ALL:@SECLEVEL=0'
    for suite in AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256 AES_128_CCM_SHA256 AES_128_CCM_8_SHA256; do
        echo "13-$suite|TLS 1.3|TLS_$suite|-ciphersuites TLS_$suite|-ciphersuites TLS_$suite|bulk"
    done
    while read -r suite name; do
        echo "12-$suite|TLS 1.2|TLS_$name|-tls1_2 -cipher $suite:@SECLEVEL=0|$legacy|bulk"
        case $name in *CBC*) echo "12-no-etm-$suite|TLS 1.2|TLS_$name|-tls1_2 -no_etm -cipher $suite:@SECLEVEL=0|$legacy|bulk" ;; esac
    done <<'EOF'
ECDHE-RSA-AES128-GCM-SHA256 ECDHE_RSA_WITH_AES_128_GCM_SHA256
ECDHE-RSA-AES256-GCM-SHA384 ECDHE_RSA_WITH_AES_256_GCM_SHA384
AES128-GCM-SHA256 RSA_WITH_AES_128_GCM_SHA256
ECDHE-RSA-CHACHA20-POLY1305 ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
AES128-CCM RSA_WITH_AES_128_CCM
AES256-CCM8 RSA_WITH_AES_256_CCM_8
ECDHE-RSA-AES128-SHA ECDHE_RSA_WITH_AES_128_CBC_SHA
AES256-SHA256 RSA_WITH_AES_256_CBC_SHA256
ECDHE-RSA-AES256-SHA384 ECDHE_RSA_WITH_AES_256_CBC_SHA384
ECDHE-RSA-CAMELLIA128-SHA256 ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256
EOF
    echo "12-null|TLS 1.2|TLS_RSA_WITH_NULL_SHA256|-tls1_2 -cipher NULL-SHA256:@SECLEVEL=0|-cipher NULL-SHA256:@SECLEVEL=0|bulk"
    for suite in 1 1_1; do
        name=${suite/1_/1.} name=${name/#1/TLS 1} name=${name/%TLS 1/TLS 1.0} name=${name/1.1/.1}
        [ $suite = 1_1 ] && name='TLS 1.1'
        echo "1$suite-cbc|$name|TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA|-tls$suite $legacy|-cipher ECDHE-RSA-AES256-SHA:@SECLEVEL=0|bulk"
        echo "1$suite-no-etm|$name|TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA|-tls$suite -no_etm $legacy|-cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0|bulk"
    done
    cat <<'EOF'
13-retry|TLS 1.3|TLS_AES_256_GCM_SHA384|-groups P-384|-groups X25519:P-384|talk
13-padding|TLS 1.3|TLS_AES_256_GCM_SHA384|-record_padding 500|-record_padding 300|bulk
13-small-records|TLS 1.3|TLS_AES_256_GCM_SHA384|-max_send_frag 512|-max_send_frag 600|bulk
13-key-update|TLS 1.3|TLS_AES_256_GCM_SHA384|||update
13-resume|TLS 1.3|TLS_AES_256_GCM_SHA384|||resume
13-psk|TLS 1.3|TLS_AES_128_GCM_SHA256|-psk 00112233 -ciphersuites TLS_AES_128_GCM_SHA256|-psk 00112233|talk
13-client-certificate|TLS 1.3|TLS_AES_256_GCM_SHA384|-Verify 1|-cert CERT -key KEY|certificate
13-no-compat|TLS 1.3|TLS_AES_256_GCM_SHA384|-no_middlebox|-no_middlebox|talk
12-resume-ticket|TLS 1.2|TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384|-tls1_2||resume
12-resume-id|TLS 1.2|TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384|-tls1_2 -no_ticket|-no_ticket|resume
12-psk|TLS 1.2|TLS_PSK_WITH_AES_128_CBC_SHA256|-tls1_2 -psk 00112233 -nocert -cipher PSK-AES128-CBC-SHA256|-psk 00112233 -cipher PSK-AES128-CBC-SHA256|talk
12-client-certificate|TLS 1.2|TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384|-tls1_2 -Verify 1|-cert CERT -key KEY|certificate
12-renegotiate|TLS 1.2|TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384|-tls1_2 -client_renegotiation||renegotiate
12-renegotiate-cbc|TLS 1.2|TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384|-tls1_2 -client_renegotiation -cipher ECDHE-RSA-AES256-SHA384||renegotiate
EOF
}

certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" -out "$WORK/cert" -days 30 -subj '/O=Tests, all/CN=server.example' \
        -addext 'subjectAltName=DNS:server.example,DNS:*.example.org,IP:10.1.2.3' 2>/dev/null || die "no certificate"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/client.key" -out "$WORK/client.cert" -days 30 -subj '/CN=the client' \
        2>/dev/null || die "no certificate of the client"
}

client() { # PORT ARGUMENT...: speaks TLS with what comes on stdin
    local port=$1
    shift
    timeout 8 ip netns exec "$NS" openssl s_client -connect "127.0.0.1:$port" -servername server.example -alpn http/1.1 -keylogfile "$KEYS.$port" "$@" \
        >"$WORK/said.$port" 2>&1
}

# Until the handshake is done: its secrets are in the client's key log, more lines than there were.
ready() { # PORT LINES
    local i
    for ((i = 0; i < 250; i++)); do
        [ "$([ -f "$KEYS.$1" ] && wc -l <"$KEYS.$1" || echo 0)" -le "$2" ] || break
        sleep 0.02
    done
    sleep 0.25
}

# s_client reads commands (k: key update, R: renegotiate) at the start of what it reads at once.
play() { # DOES PORT ARGUMENT...
    local does=$1 port=$2 i
    shift 2
    case $does in
    bulk) { ready "$port" 0; for i in {1..40}; do echo "$i $BULK_LINE"; done; sleep 0.7; } | client "$port" -quiet -no_ign_eof "$@" ;;
    update) { ready "$port" 0; for i in one k two K three k four; do echo $i; sleep 0.15; done; sleep 0.3; } | client "$port" "$@" ;;
    renegotiate) { ready "$port" 0; for i in one R two R three; do echo $i; sleep 0.25; done; sleep 0.3; } | client "$port" "$@" ;;
    resume)
        { ready "$port" 0; echo first; sleep 0.4; } | client "$port" -sess_out "$WORK/session.$port" "$@"
        { ready "$port" "$(wc -l <"$KEYS.$port")"; echo second; sleep 0.3; } | client "$port" -quiet -no_ign_eof -sess_in "$WORK/session.$port" "$@"
        ;;
    *) { ready "$port" 0; echo "hello of $port"; sleep 0.2; echo "more of it"; sleep 0.3; } | client "$port" -quiet -no_ign_eof "$@" ;;
    esac
}

serve() { # PORT ARGUMENT...
    local port=$1
    shift
    in_ns "$NS" openssl s_server -accept "127.0.0.1:$port" -alpn http/1.1 -cert "$WORK/cert" -key "$WORK/key" "$@" \
        >"$WORK/server.$port" 2>&1 &
}

# s_server takes early data only when it talks by its own stdin, and ends with that.
early_data() { # PORT
    printf 'early bird\n' >"$WORK/early"
    mkfifo "$WORK/fifo"
    in_ns "$NS" openssl s_server -accept "127.0.0.1:$1" -early_data -cert "$WORK/cert" -key "$WORK/key" \
        <"$WORK/fifo" >"$WORK/server.$1" 2>&1 &
    exec 8>"$WORK/fifo"
    wait_listening "$1"
    { ready "$1" 0; echo first; sleep 0.3; } | client "$1" -sess_out "$WORK/session.$1"
    { sleep 0.8; echo "hello from the server" >&8; } &
    { sleep 0.4; echo late; sleep 0.8; } | client "$1" -sess_in "$WORK/session.$1" -early_data "$WORK/early"
    exec 8>&-
}

# The server asks for what usually the client does: its certificate when all is done, and new keys (K: of both, k: of its own
# alone). Records are small: certificate and the tickets that hold it, which follow, take several.
server_asks() { # PORT
    mkfifo "$WORK/asks"
    in_ns "$NS" openssl s_server -accept "127.0.0.1:$1" -max_send_frag 512 -cert "$WORK/cert" -key "$WORK/key" \
        <"$WORK/asks" >"$WORK/server.$1" 2>&1 &
    exec 9>"$WORK/asks"
    wait_listening "$1"
    {
        ready "$1" 0
        for i in one c two K three k four K five; do
            echo $i >&9
            sleep 0.1
            echo "client $i"
            sleep 0.1
        done
        sleep 0.3
    } | client "$1" -quiet -no_ign_eof -max_send_frag 512 -enable_pha -cert "$WORK/client.cert" -key "$WORK/client.key"
    exec 9>&-
}

wait_listening() { # PORT
    local i
    for ((i = 0; i < 200; i++)); do
        [ -z "$(in_ns "$NS" ss -Hltn "sport = :$1")" ] || return 0
        sleep 0.02
    done
    fail "nobody listens on $1: $(head -n 3 "$WORK/server.$1")"
}

run_cases() {
    local port=$FIRST_PORT name version cipher server client does pids=() parts
    while IFS='|' read -r name version cipher server client does; do
        NAMES+=("$name|$version|$cipher|$does")
        # shellcheck disable=SC2086
        serve $port -rev $server
        port=$((port + 1))
    done <"$WORK/cases"
    for ((port = FIRST_PORT; port < FIRST_PORT + ${#NAMES[@]}; port++)); do
        wait_listening $port
    done
    port=$FIRST_PORT
    while IFS='|' read -r name version cipher server client does; do
        client=${client//CERT/$WORK/client.cert} client=${client//KEY/$WORK/client.key}
        read -ra parts <<<"$client"
        play "$does" $port "${parts[@]}" </dev/null &
        pids+=($!)
        port=$((port + 1))
        [ $((port % 8)) -ne 0 ] || { wait "${pids[@]}"; pids=(); }
    done <"$WORK/cases"
    [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}"
    NAMES+=("13-early|TLS 1.3|TLS_AES_256_GCM_SHA384|early")
    early_data $port &
    pids=($!)
    NAMES+=("13-server-asks|TLS 1.3|TLS_AES_256_GCM_SHA384|asks")
    server_asks $((port + 1)) &
    pids+=($!)
    wait "${pids[@]}"
}

record() { # PORT JQ-EXPRESSION [FILE]
    jq -r "select(.dst.port == $1) | $2" "${3:-$WORK/records}"
}

# The bytes of each direction of each session, as tshark and we decipher them.
compare_bytes() {
    local sessions i follow=()
    sessions=$(wc -l <"$WORK/records")
    for ((i = 0; i < sessions; i++)); do
        follow+=(-z "follow,tls,raw,$i")
        "$SESSTAP" follow "$CAPTURE" "tcp:$i" --keylog "$KEYS" --client --format raw >"$WORK/ours.$i.client" 2>>"$WORK/follow.err"
        "$SESSTAP" follow "$CAPTURE" "tcp:$i" --keylog "$KEYS" --server --format raw >"$WORK/ours.$i.server" 2>>"$WORK/follow.err"
    done
    tshark -n -r "$CAPTURE" -o "tls.keylog_file:$KEYS" -q "${follow[@]}" >"$WORK/tshark" 2>/dev/null
    python3 - "$WORK" <<'EOF'
import re, sys
work = sys.argv[1]
for part in open(work + '/tshark').read().split('Follow: tls,raw\n')[1:]:
    stream = re.search(r'Filter: tcp.stream eq (\d+)', part).group(1)
    server_first = re.search(r'Node 0: \S+:20[0-9]{3}$', part, re.M) is not None  # who is the client tshark guesses
    sides = [bytearray(), bytearray()]
    for line in part.split('\n')[3:]:
        if line.startswith('==='):
            break
        sides[line.startswith('\t') != server_first] += bytes.fromhex(line.strip())
    for side, name in zip(sides, ('client', 'server')):
        ours = open(f'{work}/ours.{stream}.{name}', 'rb').read()
        print(stream, name, 'same' if ours == side else f'differ: {len(ours)} of {len(side)} bytes', len(side))
EOF
}

NS=sst-tls-$$
ns_new "$NS"
in_ns "$NS" sysctl -qw net.ipv4.ip_local_port_range='30000 60999' # none of the servers' ports is a client's
cases >"$WORK/cases"
certificates
in_ns "$NS" tcpdump -i lo -U -B 65536 -w "$CAPTURE" tcp portrange 20000-20999 2>"$WORK/tcpdump.err" &
TCPDUMP=$!
on_exit end_process $TCPDUMP
for _ in {1..100}; do
    grep -q listening "$WORK/tcpdump.err" && break
    sleep 0.05
done
run_cases
sleep 0.5
end_process $TCPDUMP
cat "$KEYS".* >"$KEYS"

"$SESSTAP" read --keylog "$KEYS" "$CAPTURE" >"$WORK/records" 2>"$WORK/read.err" || fail "read: $(tail -n 3 "$WORK/read.err")"
"$SESSTAP" read "$CAPTURE" >"$WORK/plain" 2>/dev/null
compare_bytes >"$WORK/compared"

port=$FIRST_PORT
for one in "${NAMES[@]}"; do
    IFS='|' read -r name version cipher does <<<"$one"
    expected=1
    case $does in resume | early) expected=2 ;; esac
    streams=$(record $port .streamIndex)
    assert_eq "$name: version, cipher, all deciphered" "$(yes "$version $cipher true 0" | head -n $expected)" \
        "$(record $port '"\(.tls.version) \(.tls.cipher) \(.tls.decrypted) \(.tls.undecrypted_records // 0)"')"
    assert_eq "$name: without keys" "$(yes "$version $cipher false" | head -n $expected)" \
        "$(record $port '"\(.tls.version) \(.tls.cipher) \(.tls.decrypted)"' "$WORK/plain")"
    sides='client same server same'
    [ "$does" != asks ] || sides='server same' # tshark begins the client's keys anew with a Finished after the handshake
    for stream in $streams; do
        assert_eq "$name: stream $stream as tshark" "$sides" \
            "$(awk -v s="$stream" -v sides="$sides" '$1 == s && index(sides, $2) { printf "%s%s %s", sep, $2, $3; sep = " " }' "$WORK/compared")"
        [ -s "$WORK/ours.$stream.server" ] || [ -s "$WORK/ours.$stream.client" ] || fail "$name: stream $stream is empty"
    done
    case $does in
    resume) assert_eq "$name: resumed" "false true" "$(record $port '.tls.resumed // false' | xargs)" ;;
    early) assert_eq "$name: early data" "false true" "$(record $port '.tls.early_data // false' | xargs)"
        assert_true "$name: what came early" grep -q '^early bird' "$WORK/ours.${streams##*$'\n'}.client" ;;
    certificate) assert_eq "$name: the client's certificate" "CN=the client" "$(record $port .tls.client_subject)" ;;
    asks) assert_eq "$name: the client's certificate" "CN=the client" "$(record $port .tls.client_subject)"
        assert_eq "$name: what the client said" "$(printf 'client %s\n' one c two K three k four K five)" "$(cat "$WORK/ours.$streams.client")"
        assert_eq "$name: what the server said" "one two three four five" "$(xargs <"$WORK/ours.$streams.server")" ;;
    bulk) [ "$(wc -c <"$WORK/ours.$streams.server")" -gt 160000 ] || fail "$name: too little came back" ;;
    esac
    port=$((port + 1))
done
assert_eq "names of the certificate" 'CN=server.example,O=Tests\, all server.example,*.example.org,10.1.2.3 server.example http/1.1' \
    "$(record $FIRST_PORT '"\(.tls.subject) \(.tls.names | join(",")) \(.tls.sni) \(.tls.alpn)"')"
finish
