#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: TLS that begins in another protocol (STARTTLS and its like, and CONNECT), live and from a file: the records say
# which and what TLS was, it is deciphered to what was said, HTTP in a tunnel is read and its objects are whole, and the
# captures that carry their secrets are opened by tshark with no keys given.      timeout: 300
. "$(dirname "$0")/lib.sh"
need_root
need openssl curl tshark python3 jq

KEYS=$WORK/keys.log
BODY=$WORK/body.txt
PROXY=3128

# PORT NAME, as s_client calls the protocol and as the record does
protocols() {
    cat <<'LIST'
21 ftp ftp
24 lmtp smtp
25 smtp smtp
110 pop3 pop3
119 nntp nntp
143 imap imap
389 ldap ldap
3306 mysql mysql
4190 sieve sieve
5222 xmpp xmpp
5432 postgres postgresql
LIST
}

# TLS 1.2 at every other one
version_of() { # PORT
    [ $(($1 % 2)) -eq 0 ] && echo 1.3 || echo 1.2
}

client() { # PORT NAME: speaks once the handshake is done and the key log of all has its secrets
    local keys=$WORK/keys.$1 i
    {
        for ((i = 0; i < 500; i++)); do
            ! grep -q '^CLIENT_\(RANDOM\|TRAFFIC_SECRET_0\)' "$keys" 2>/dev/null || break
            sleep 0.02
        done
        cat "$keys" >>"$KEYS"
        echo "hello of $2"
        sleep 0.2
        echo "that is all"
        sleep 0.3
    } | in_b timeout 20 openssl s_client -connect "$A4:$1" -starttls "$2" -xmpphost server.example -servername server.example \
        "-tls$(version_of "$1" | tr . _)" -keylogfile "$keys" -quiet -no_ign_eof >"$WORK/said.$1" 2>"$WORK/client.$1"
}

fetch() { # CURL-ARGUMENT...
    SSLKEYLOGFILE=$KEYS in_b curl -sS -k -x "http://$A4:$PROXY" --proxy-user me:secret --proxy-anyauth -m 20 "$@" || fail "curl $*"
}

spoken() { # NAME: what the client said
    printf 'hello of %s\nthat is all\n' "$1"
}

# What each client said: a line a stream, its index and the bytes.
by_tshark() { # FILE STREAMS: with no keys
    local i follow=()
    for ((i = 0; i < $2; i++)); do
        follow+=(-z "follow,tls,raw,$i")
    done
    tshark -n -r "$1" -q "${follow[@]}" 2>/dev/null | awk -v client="$B4:" '
        /^Filter:/ { printf "\n%s ", $NF }
        /^Node 0:/ { swapped = index($3, client) != 1 }
        /^\t?[0-9a-f]+$/ { tab = /^\t/; if (tab == swapped) { sub(/^\t/, ""); printf "%s", $0 } }
        END { print "" }'
}

session() { # PORT JQ-EXPRESSION [RECORDS]
    jq -rc "select(.dst.port == $1) | $2" "${3:-$OUT/sessions.ndjson}"
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" -out "$WORK/cert" -days 30 -subj '/CN=server.example' 2>/dev/null ||
    die "no certificate"
seq 1 20000 >"$BODY"
ns_pair
spawn "$NS_A" servers listening python3 "$(dirname "$0")/starttls_server.py" "$A4" "$WORK/cert" "$WORK/key" "$BODY"
: >"$KEYS"
start_sesstap -i "$IF_A" -o "$OUT" --pcapng --depth all --http --keylog "$KEYS"
pids=()
while read -r port name _; do
    client "$port" "$name" &
    pids+=($!)
done < <(protocols)
fetch --tlsv1.3 https://origin.example/plain https://origin.example/packed --compressed -o "$WORK/got.1" -o "$WORK/got.2"
wait "${pids[@]}"
sleep 0.5
stop_sesstap || fail "sesstap run: $(tail -n 3 "$SESSTAP_ERR")"

# All of them in one file, with their secrets and without.
STREAMS=$(wc -l <"$OUT/sessions.ndjson")
for to in pcapng pcap; do
    # shellcheck disable=SC2046
    "$SESSTAP" extract "$OUT/pcap" $(seq 0 $((STREAMS - 1))) -w "$WORK/all.$to" 2>"$WORK/extract.err" || fail "extract: $(tail -n 1 "$WORK/extract.err")"
done
"$SESSTAP" read "$WORK/all.pcapng" >"$WORK/again" 2>"$WORK/read.err" || fail "read: $(tail -n 1 "$WORK/read.err")"
"$SESSTAP" read "$WORK/all.pcap" >"$WORK/plain" 2>"$WORK/read.err" || fail "read: $(tail -n 1 "$WORK/read.err")"
by_tshark "$WORK/all.pcapng" "$STREAMS" >"$WORK/tshark"

TLS='"\(.tls.version) \(.tls.within) \(.tls.sni) \(.tls.decrypted)"'
while read -r port name within; do
    expected="TLS $(version_of "$port") $within server.example"
    assert_eq "$name: the server understood" "$(spoken "$name" | tr '[:lower:]' '[:upper:]')" "$(cat "$WORK/said.$port")"
    assert_eq "$name: what is told of TLS" "$expected true" "$(session "$port" "$TLS")"
    assert_eq "$name: and read" "$expected true" "$(session "$port" "$TLS" "$WORK/again")"
    assert_eq "$name: and read without secrets" "$expected false" "$(session "$port" "$TLS" "$WORK/plain")"
    stream=$(session "$port" .streamIndex "$WORK/again")
    assert_eq "$name: follow" "$(spoken "$name")" \
        "$("$SESSTAP" follow "$WORK/all.pcapng" "tcp:$stream" --decrypted --client --format raw 2>"$WORK/follow.err")"
    assert_eq "$name: tshark opens the capture" "$(spoken "$name")" "$(awk -v s="$stream" '$1 == s { print $2 }' "$WORK/tshark" | xxd -r -p)"
done < <(protocols)

# ---- HTTP in a tunnel

SUM=$(sha256sum <"$BODY" | cut -d' ' -f1)
file=$OUT/pcap/$(session $PROXY '.name | split(".")[0]' | head -n 1).pcapng
assert_eq "tunnel: what curl got" "$SUM $SUM" "$(sha256sum "$WORK"/got.? | cut -d' ' -f1 | xargs)"
EXPECTED="[\"CONNECT\",\"origin.example:443\",407,null],[\"CONNECT\",\"origin.example:443\",200,null],[\"GET\",\"/plain\",200,\"$SUM\"],[\"GET\",\"/packed\",200,\"$SUM\"]"
TRANSACTIONS='[.http[] | [.method, .uri, .status, (if .method == "GET" then .response.sha256 else null end)]]'
assert_eq "tunnel: transactions" "[$EXPECTED]" "$(session $PROXY "$TRANSACTIONS")"
assert_eq "tunnel: they are counted on" '[1,2,3,4]' "$(session $PROXY '[.http[].n]')"
assert_eq "tunnel: TLS" 'TLS 1.3 http origin.example true' "$(session $PROXY '"\(.tls.version) \(.tls.within) \(.tls.sni) \(.tls.decrypted)"')"
assert_eq "tunnel: the proxy is not called by it" null "$(session $PROXY '.dst.name')"
assert_eq "tunnel: read of the capture" "$(session $PROXY "[.tls, $TRANSACTIONS]")" "$("$SESSTAP" read --http "$file" 2>/dev/null | jq -c "[.tls, $TRANSACTIONS]")"
assert_eq "tunnel: and without --http" "$(session $PROXY '.tls | del(.tunnel)')" "$("$SESSTAP" read "$file" 2>/dev/null | jq -c .tls)"
assert_eq "tunnel: tshark opens the capture" "CONNECT,CONNECT,GET,GET" \
    "$(tshark -n -r "$file" -Y http.request -T fields -e http.request.method 2>/dev/null | paste -sd,)"
assert_eq "tunnel: follow --http shows the requests" "CONNECT,CONNECT,GET,GET" \
    "$("$SESSTAP" follow --http "$file" tcp:0 2>"$WORK/follow.err" | grep -aoE '^(CONNECT|GET) ' | tr -d ' ' | paste -sd,)"
"$SESSTAP" extract "$file" --objects "$WORK/objects" 2>"$WORK/extract.err" || fail "extract: $(tail -n 1 "$WORK/extract.err")"
assert_eq "tunnel: objects" "$SUM $SUM" "$(sha256sum "$WORK"/objects/*plain* "$WORK"/objects/*packed* | cut -d' ' -f1 | xargs)"
finish
