#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: a browser's TLS live. curl writes its secrets while sesstap run reads them; records of TLS 1.2, 1.3 and HTTP/2
# say version, cipher, SNI, ALPN, each request and what was answered; the captures that run --pcapng makes are deciphered
# by tshark and by sesstap with no keys given; a body beyond --depth is cut, and said to be.      timeout: 300
. "$(dirname "$0")/lib.sh"
need_root
need nginx curl openssl tshark jq

KEYS=$WORK/keys.log
HOST=server.example
ROOT_DIR=$WORK/www

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" -out "$WORK/cert" -days 30 -subj "/CN=$HOST" \
    -addext "subjectAltName=DNS:$HOST" 2>/dev/null || die "no certificate"
mkdir -p "$ROOT_DIR"
chmod 755 "$WORK" "$ROOT_DIR"
seq 1 500 >"$ROOT_DIR/page.txt"
seq 1 40000 | sed 's/.*/<li>& of many/' >"$ROOT_DIR/big.html"
head -c 300000 /dev/urandom >"$ROOT_DIR/image.bin"
cat >"$WORK/nginx.conf" <<CONF
daemon off;
master_process off;
pid $WORK/nginx.pid;
error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path $WORK/body;
    types { text/plain txt; text/html html; application/octet-stream bin; }
    server {
        listen $A4:443 ssl http2;
        server_name $HOST;
        ssl_certificate $WORK/cert;
        ssl_certificate_key $WORK/key;
        ssl_protocols TLSv1.2 TLSv1.3;
        root $ROOT_DIR;
        gzip on;
        gzip_types text/html;
        location /form { return 201 "taken"; }
        location / { }
    }
}
CONF
ns_pair
spawn "$NS_A" nginx 'start worker\|using the "epoll"' nginx -p "$WORK" -c "$WORK/nginx.conf"

fetch() { # CURL-ARGUMENT...: a connection, from a port of its own
    SSLKEYLOGFILE=$KEYS in_b curl -sS --cacert "$WORK/cert" --resolve "$HOST:443:$A4" -m 20 "$@" >>"$WORK/fetched" 2>>"$WORK/curl.err" ||
        fail "curl $*: $(tail -n 1 "$WORK/curl.err")"
}

fetch_all() { # PORTS: the first three digits of the client's ports
    rm -f "$WORK/fetched"
    fetch --local-port "${1}1" --tlsv1.2 --tls-max 1.2 --http1.1 "https://$HOST/page.txt"
    fetch --local-port "${1}2" --tlsv1.3 --http1.1 --data 'name=value&word=two' "https://$HOST/form?a=1"
    fetch --local-port "${1}3" --tlsv1.3 --http2 --compressed "https://$HOST/big.html" "https://$HOST/image.bin" "https://$HOST/none" -o /dev/null -o /dev/null -o "$WORK/none"
    fetch --local-port "${1}4" --tlsv1.2 --tls-max 1.2 --http2 --ciphers ECDHE-RSA-CHACHA20-POLY1305 --head "https://$HOST/page.txt"
    fetch --local-port "${1}5" --tlsv1.2 --tls-max 1.2 --http1.1 --ciphers ECDHE-RSA-AES128-SHA "https://$HOST/image.bin"
}

sum_of() { # FILE
    sha256sum <"$ROOT_DIR/$1" | cut -d' ' -f1
}

run_of() { # PORTS NAME SESSTAP-ARGUMENT...: all the fetches, into $WORK/NAME
    OUT=$WORK/$2
    start_sesstap -i "$IF_A" -o "$OUT" --http --keylog "$KEYS" "${@:3}"
    fetch_all "$1"
    sleep 0.5
    stop_sesstap || fail "sesstap run: $(tail -n 3 "$SESSTAP_ERR")"
}

session() { # PORT JQ-EXPRESSION [RECORDS]
    jq -c "select(.src.port == $1) | $2" "${3:-$OUT/sessions.ndjson}"
}

# ---- all of the payload

TRANSACTIONS='.http[] | [.method, .uri, .host, .status, .response.sha256, .response.complete]'
rm -f "$KEYS" # it comes while sesstap runs
run_of 500 all --depth all --pcapng
assert_eq "records" 5 "$(wc -l <"$OUT/sessions.ndjson")"
TLS='.tls | [.version, .cipher, .sni, .alpn, .decrypted, .undecrypted_records // 0]'
row() { # PORT WHAT TLS-EXPECTED HTTP-EXPECTED: a line a transaction
    assert_eq "$2: tls" "$3" "$(session "$1" "$TLS")"
    assert_eq "$2: http" "$4" "$(session "$1" "$TRANSACTIONS" | paste -sd' ')"
    assert_eq "$2: protocol" '["TLS","DPI",2]' \
        "$(session "$1" '[.app.protocol, .app.confidence, ([.parsers.tls, .parsers.http] | map(select(.status == "done")) | length)]')"
}
TAKEN=$(printf 'taken' | sha256sum | cut -d' ' -f1)
PAGE="\"/page.txt\",\"$HOST\",200"
IMAGE="[\"GET\",\"/image.bin\",\"$HOST\",200,\"$(sum_of image.bin)\",true]"
row 5001 "TLS 1.2, HTTP/1.1" '["TLS 1.2","TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384","'$HOST'","http/1.1",true,0]' \
    "[\"GET\",$PAGE,\"$(sum_of page.txt)\",true]"
row 5002 "TLS 1.3, POST" '["TLS 1.3","TLS_AES_256_GCM_SHA384","'$HOST'","http/1.1",true,0]' \
    "[\"POST\",\"/form?a=1\",\"$HOST\",201,\"$TAKEN\",true]"
row 5003 "TLS 1.3, HTTP/2, gzip" '["TLS 1.3","TLS_AES_256_GCM_SHA384","'$HOST'","h2",true,0]' \
    "[\"GET\",\"/big.html\",\"$HOST\",200,\"$(sum_of big.html)\",true] $IMAGE [\"GET\",\"/none\",\"$HOST\",404,\"$(sha256sum <"$WORK/none" | cut -d' ' -f1)\",true]"
row 5004 "TLS 1.2, HTTP/2, HEAD" '["TLS 1.2","TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256","'$HOST'","h2",true,0]' \
    "[\"HEAD\",$PAGE,null,true]"
row 5005 "TLS 1.2, CBC" '["TLS 1.2","TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA","'$HOST'","http/1.1",true,0]' "$IMAGE"
assert_eq "what was sent by POST" "$(printf 'name=value&word=two' | sha256sum | cut -d' ' -f1)" "$(session 5002 '.http[0].request.sha256' | tr -d '"')"
assert_eq "gzip is undone" '"gzip"' "$(session 5003 '.http[0].response.content_encoding')"
assert_eq "the server is called by its SNI" '["'$HOST'"]' "$(jq -sc '[.[].dst.name] | unique' "$OUT/sessions.ndjson")"
assert_eq "certificates made today are not called expired" 0 "$(grep -c 'Expired' "$OUT/sessions.ndjson")"

# ---- each session's own capture: its secrets are in it

by_tshark() { # FILE: requests and answers, with no keys
    tshark -n -r "$1" -Y 'http.request or http.response or http2.headers.method or http2.headers.status' -T fields -E separator=' ' \
        -e http.request.method -e http.request.uri -e http.response.code -e http2.headers.method -e http2.headers.path \
        -e http2.headers.status 2>/dev/null | xargs
}
while IFS=$'\t' read -r port name expected; do
    file=$OUT/pcap/${name%%.*}.pcapng
    assert_eq "$port: tshark opens the capture deciphered" "$expected" "$(by_tshark "$file")"
    "$SESSTAP" read --http "$file" >"$WORK/again" 2>"$WORK/read.err" || fail "$port: read: $(tail -n 1 "$WORK/read.err")"
    assert_eq "$port: read of the capture, the same transactions" "$(session "$port" "$TRANSACTIONS" | md5sum)" "$(jq -c "$TRANSACTIONS" "$WORK/again" | md5sum)"
    assert_eq "$port: and the same TLS" "$(session "$port" .tls)" "$(jq -c .tls "$WORK/again")"
    "$SESSTAP" follow --http "$file" tcp:0 >"$WORK/followed" 2>"$WORK/follow.err" || fail "$port: follow: $(tail -n 1 "$WORK/follow.err")"
    assert_eq "$port: follow --http shows the requests" "$(session "$port" '.http[] | .method + " " + .uri' | tr -d '"' | paste -sd,)" \
        "$(grep -aoE '^(GET|POST|HEAD) [^ ]+' "$WORK/followed" | paste -sd,)"
    "$SESSTAP" extract "$file" --objects "$WORK/objects.$port" 2>"$WORK/extract.err" || fail "$port: extract: $(tail -n 1 "$WORK/extract.err")"
done < <(jq -r '[.src.port, .name, ([.http[] | .method, .uri, .status] | join(" "))] | @tsv' "$OUT/sessions.ndjson")
for pair in 5001:page.txt 5003:big.html 5003:image.bin 5005:image.bin; do
    assert_true "object $pair" cmp -s "$ROOT_DIR/${pair#*:}" "$WORK/objects.${pair%:*}"/*-"${pair#*:}"
done

# ---- the default depth: what is beyond it is not there, and said to be missing

printf 'no secret\n# but this is a comment\nnor this\n' >"$KEYS"
run_of 600 cut
assert_eq "lines that are none are said, with their file" "sesstap: warning: $KEYS: 2 lines are not of a key log, left out" "$(grep 'of a key log' "$SESSTAP_ERR")"
"$SESSTAP" read --keylog "$KEYS" "$WORK/all/pcap/1.pcapng" 2>"$WORK/read.err" >"$WORK/again" || fail "read with a key log"
assert_eq "and by read" "sesstap: warning: $KEYS: 2 lines are not of a key log, left out" "$(grep 'of a key log' "$WORK/read.err")"
assert_eq "cut: small ones are whole" "$(jq -c 'select(.src.port <= 6002 or .src.port == 6004) | .http[].response.complete' "$OUT/sessions.ndjson" | paste -sd,)" true,true,true
assert_eq "cut: the body beyond the depth" '[false,null,true,true,true]' \
    "$(session 6005 '[.http[0].response.complete // false, .http[0].response.sha256, .http[0].response.body_bytes < 65536, .http[0].response.body_bytes > 40000, .ledger.payload_beyond_depth > 230000]')"
assert_eq "cut: gzip in HTTP/2, and requests whose answer is beyond" '[false,null,null,true,null,null]' \
    "$(session 6003 '[.http[0].response.complete, .http[0].response.sha256, .http[0].response.decode_failed, .http[0].response.content_bytes > 200000, .http[1].status, .http[2].status]')"
assert_ledgers
finish
