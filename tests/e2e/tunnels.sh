#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: HTTP/2 without TLS, by prior knowledge and by Upgrade, is called HTTP and has the transactions that tshark lists; TLS within
# TLS (curl to a proxy by https), TLS in tunnels of HTTP/2 and WebSocket over HTTP/2 are looked into: what is told of the inside
# is what is told, and tshark tells, of the same connections where the proxy speaks to the site; live and from files.      timeout: 200
. "$(dirname "$0")/lib.sh"
need_root
need nginx curl nghttpx nghttpd openssl tcpdump tshark jq python3
/usr/bin/python3 -c 'import h2' 2>/dev/null || skip "NOT RUN, it needs python3-h2 (scripts/deps.sh test)"

export PYTHONDONTWRITEBYTECODE=1
KEYS=$WORK/keys.log
WWW=$WORK/www
CAPTURE=$WORK/all.pcap
SITE=443 PROXY=3128 PROXY2=3129 HTTPS_PROXY_PORT=3130 SOCKETS=3131 H2C=3132 H2_SERVER=3133

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/key" -out "$WORK/cert" -days 30 -subj "/CN=site.example" 2>/dev/null || die "no certificate"
mkdir -p "$WWW"
seq 1 500 >"$WWW/a.txt"
seq 1 9000 >"$WWW/b.txt"
chmod -R go+rX "$WORK"
cat >"$WORK/nginx.conf" <<EOF
daemon off; master_process off; pid $WORK/nginx.pid; error_log stderr notice; user root;
events { }
http {
    access_log off; root $WWW;
    client_body_temp_path $WORK/tmp1; proxy_temp_path $WORK/tmp2; fastcgi_temp_path $WORK/tmp3;
    uwsgi_temp_path $WORK/tmp4; scgi_temp_path $WORK/tmp5;
    server { listen $A4:$SITE ssl http2; ssl_certificate $WORK/cert; ssl_certificate_key $WORK/key; ssl_protocols TLSv1.2 TLSv1.3; }
}
EOF

nghttpx_of() { # NAME OPTION...
    spawn "$NS_B" "$1" 'Created worker thread\|Worker process' nghttpx --conf=/dev/null --workers=1 --single-process --no-ocsp "${@:2}" "$WORK/key" "$WORK/cert"
}

# The site is where the clients are, so that what a proxy says to it passes the same interface.
serve() {
    spawn "$NS_A" nginx 'start worker\|using the "epoll"' nginx -c "$WORK/nginx.conf" -e stderr
    spawn "$NS_B" proxy listening /usr/bin/python3 "$E2E/tunnel_peers.py" proxy "$B4" "$PROXY"
    spawn "$NS_A" sockets listening /usr/bin/python3 "$E2E/http_peers.py" serve "$A4" 81
    in_b nghttpd --no-tls -d "$WWW" -a "$B4" "$H2_SERVER" >"$WORK/nghttpd.out" 2>&1 &
    on_exit end_process $! KILL
    nghttpx_of proxies --http2-proxy "-f$B4,$PROXY2;no-tls" "-f$B4,$HTTPS_PROXY_PORT" "-b$B4,$PROXY;;proto=http/1.1"
    nghttpx_of sockets2 "-f$B4,$SOCKETS;no-tls" "-b$A4,81;;proto=http/1.1"
    nghttpx_of upgrades "-f$B4,$H2C;no-tls" "-b$B4,$H2_SERVER;;proto=h2"
    spawn "$NS_A" tcpdump 'listening on' tcpdump --immediate-mode -i "$IF_A" -s 0 -B 65536 -U -w "$CAPTURE" tcp
    TCPDUMP=$SPAWNED
    wait_for_port "$H2_SERVER"
}

wait_for_port() { # PORT of B
    for ((i = 0; i < 200; i++)); do
        ! in_b bash -c "exec 3<>/dev/tcp/$B4/$1" 2>/dev/null || return 0
        sleep 0.02
    done
    die "nobody listens on port $1"
}

get() { # CURL-ARGUMENT...
    SSLKEYLOGFILE=$KEYS in_a curl -sS -k --noproxy "" -m 20 "$@" >>"$WORK/got" || fail "curl $*"
}

clients() {
    get --http2-prior-knowledge "http://$B4:$H2_SERVER/a.txt"
    get --http2-prior-knowledge -I "http://$B4:$H2_SERVER/b.txt"
    get --http2 "http://$B4:$H2C/a.txt" "http://$B4:$H2C/b.txt"
    get --http2 -d name=value "http://$B4:$H2C/a.txt"
    get --http1.1 -x "https://$B4:$HTTPS_PROXY_PORT" --proxy-insecure "https://$A4:$SITE/a.txt" "https://$A4:$SITE/none"
    get --http2 --tls-max 1.2 -x "https://$B4:$HTTPS_PROXY_PORT" --proxy-insecure "https://$A4:$SITE/b.txt"
    get --http2 -x "https://$B4:$HTTPS_PROXY_PORT" --proxy-insecure "https://$A4:$SITE/a.txt" "https://$A4:$SITE/b.txt"
    in_a timeout 20 /usr/bin/python3 "$E2E/tunnel_peers.py" tls "$B4" "$PROXY2" "$KEYS" "$A4:$SITE" /a.txt /b.txt /none >"$WORK/tunnels" ||
        fail "tunnels of HTTP/2"
    in_a timeout 20 /usr/bin/python3 "$E2E/tunnel_peers.py" websocket "$B4" "$SOCKETS" 3 || fail "WebSocket over HTTP/2"
}

# ---- h2c

# PORT: what tshark lists, a line a request or a response
tshark_http2() {
    tshark -r "$CAPTURE" -o tcp.try_heuristic_first:TRUE -d "tcp.port==$H2C,http" -d "tcp.port==$H2_SERVER,http2" \
        -Y "tcp.dstport == $1 or tcp.srcport == $1" -T json -J "http http2 tcp" --no-duplicate-keys 2>/dev/null |
        python3 "$E2E/tunnels_http2.py" | sort
}

our_http2() { # PORT RECORDS: the same
    jq -r "select(.dst.port == $1) | (.src.port | tostring) as \$port | .http[]? |
        (select(.method and .request) | \"\(\$port) request \(.stream // 0) \(.method) \(.uri)\"),
        \"\(\$port) response \(.stream // 0) \(.status)\"" "$2" | sort
}

check_h2c() { # WHICH RECORDS
    local port
    for port in $H2C $H2_SERVER; do
        our_http2 "$port" "$2" >"$WORK/ours"
        assert_true "$1: transactions as tshark's, port $port ($(wc -l <"$WORK/theirs.$port") lines)" diff "$WORK/theirs.$port" "$WORK/ours"
        assert_true "$1: there are some, port $port" [ -s "$WORK/theirs.$port" ]
        assert_eq "$1: what it is, port $port" '["HTTP","Web","DPI"]' \
            "$(jq -c "select(.dst.port == $port and .http) | [.app.protocol, .app.category, .app.confidence]" "$2" | sort -u)"
    done
    assert_eq "$1: stream 1 answers what HTTP/1 asked" '"GET /a.txt 200","POST /a.txt 200"' \
        "$(jq -c "select(.dst.port == $H2C) | .http[] | select(.stream == 1) | \"\(.method) \(.uri) \(.status)\"" "$2" | sort | paste -sd ,)"
}

# ---- tunnels

# TLS as it is told of, a line each: of what proxies say to the site, of what goes through them
TLS_LINE='"\(.version) \(.cipher) \(.sni // "-") \(.alpn // "-") \(.ja4) \(.decrypted) \(.decrypted_bytes)"'
HTTP_LINE='"\(.version) \(.method) \(.uri) \(.host) \(.status) \(.response.sha256)"'

compare() { # WHAT RECORDS INSIDE-QUERY OUTSIDE-QUERY
    jq -r "$3" "$2" | sort >"$WORK/inside"
    jq -r "$4" "$2" | sort >"$WORK/outside"
    assert_true "$1 ($(wc -l <"$WORK/inside") lines)" diff "$WORK/outside" "$WORK/inside"
    assert_true "$1: there is some" [ -s "$WORK/inside" ]
}

check_tunnels() { # WHICH RECORDS
    local tunnelled=".dst.port == $HTTPS_PROXY_PORT or .dst.port == $PROXY2" direct=".dst.port == $SITE"
    compare "$1: TLS in tunnels is the site's" "$2" "select($tunnelled) | .tls, .tls_inner[]? | select(.within == \"http\") | $TLS_LINE" \
        "select($direct) | .tls | $TLS_LINE"
    compare "$1: so is HTTP in it" "$2" "select($tunnelled) | .http[] | select(.tunnel) | $HTTP_LINE" "select($direct) | .http[] | $HTTP_LINE"
    assert_eq "$1: the outer TLS" 3 "$(jq "select(.dst.port == $HTTPS_PROXY_PORT) | .tls | select(.version == \"TLS 1.3\" and .decrypted and .within == null) | 1" "$2" | wc -l)"
    assert_eq "$1: each in its tunnel" 0 "$(jq -c "select($tunnelled) | .http as \$http | .http[] | select(.tunnel) |
        select(\$http[.tunnel - 1].method != \"CONNECT\" or \$http[.tunnel - 1].status != 200)" "$2" | wc -l)"
    assert_eq "$1: CONNECT has no content" '0 0' "$(jq -r "select($tunnelled) | .http[] | select(.upgraded) |
        \"\(.request.body_bytes) \(.response.body_bytes)\"" "$2" | sort -u)"
    assert_eq "$1: one is refused" 502 "$(jq "select(.dst.port == $PROXY2) | .http[] | select(.method == \"CONNECT\" and .upgraded == null) | .status" "$2")"
    assert_eq "$1: nothing is cut" 0 "$(jq -c 'select(.app.cut_bytes or .app.cut_layers or .app.cut_transactions)' "$2" | wc -l)"
}

check_sockets() { # WHICH RECORDS
    compare "$1: WebSocket frames over HTTP/2 are those of HTTP/1" "$2" \
        "select(.dst.port == $SOCKETS) | .websocket[] | \"\(.direction) \(.opcode) \(.fin) \(.length)\"" \
        "select(.dst.port == 81) | .websocket[] | \"\(.direction) \(.opcode) \(.fin) \(.length)\""
    assert_eq "$1: five frames of each" "5 5 5" "$(jq -r "select(.dst.port == $SOCKETS) | .websocket | group_by(.n) | map(length) | join(\" \")" "$2")"
    assert_eq "$1: asked for so" "CONNECT /ws ws.example websocket 200 true" "$(jq -r "select(.dst.port == $SOCKETS) | .http[] |
        \"\(.method) \(.uri) \(.host) \(.protocol) \(.status) \(.upgraded)\"" "$2" | sort -u)"
}

check_tshark() { # what is said to the site, of which the inside was shown to be a copy
    local theirs ours
    theirs=$(tshark -r "$CAPTURE" -o "tls.keylog_file:$KEYS" -d "tcp.port==$PROXY,http" -Y "tcp.dstport == $SITE and (http.request or http2.headers.path)" \
        -T fields -e http.request.uri -e http2.headers.path 2>/dev/null | tr ',' '\n' | tr -d '\t' | sort | paste -sd ' ')
    ours=$(jq -r "select(.dst.port == $HTTPS_PROXY_PORT or .dst.port == $PROXY2) | .http[] | select(.tunnel) | .uri" "$WORK/offline.ndjson" | sort | paste -sd ' ')
    assert_eq "tshark finds the same requests where the proxy asks the site" "$theirs" "$ours"
    while read -r path sum; do
        grep -q "^$path $sum\$" <(jq -r '.http[]? | select(.tunnel) | "\(.uri) \(.response.sha256)"' "$WORK/offline.ndjson") ||
            fail "$path: not what the client got"
    done <"$WORK/tunnels"
}

check_captures() { # with its secrets in it a session is read again with no keys given
    "$SESSTAP" read "$CAPTURE" -f "port $HTTPS_PROXY_PORT or port $PROXY2" --keylog "$KEYS" --http --pcapng -o "$WORK/written" 2>/dev/null || fail "read --pcapng"
    "$SESSTAP" read "$WORK/written/pcap" --http >"$WORK/again.ndjson" 2>/dev/null || fail "read of what it wrote"
    jq -cS '[.tls, .tls_inner]' "$WORK/written/sessions.ndjson" | sort >"$WORK/first"
    jq -cS '[.tls, .tls_inner]' "$WORK/again.ndjson" | sort >"$WORK/again"
    assert_true "captures hold the secrets of all TLS within them" diff "$WORK/first" "$WORK/again"
}

check_follow() {
    local stream
    stream=$(jq "select(.dst.port == $HTTPS_PROXY_PORT and (.tls_inner[0].alpn == \"http/1.1\")) | .streamIndex" "$WORK/offline.ndjson")
    "$SESSTAP" follow "$CAPTURE" "$stream" --keylog "$KEYS" --server --format raw >"$WORK/followed" 2>/dev/null
    assert_true "follow: what the proxy said, and then the site" grep -qa 'HTTP/1.1 404' "$WORK/followed"
    assert_eq "follow: the page" "$(sha256sum <"$WWW/a.txt")" "$(grep -a '^[0-9]*$' "$WORK/followed" | head -n 500 | sha256sum)"
    "$SESSTAP" show "$CAPTURE" "$stream" --keylog "$KEYS" >"$WORK/shown" 2>/dev/null
    assert_true "show: TLS within" grep -q '^  TLS 1.3, .*ALPN http/1.1, .*behind http, .*deciphered' "$WORK/shown"
}

ns_pair
serve
start_sesstap -i "$IF_A" -o "$OUT" --http --keylog "$KEYS" --depth all
clients
wait_quiet
stop_sesstap || fail "sesstap run: $(tail -n 3 "$SESSTAP_ERR")"
end_process "$TCPDUMP" INT
"$SESSTAP" read "$CAPTURE" --http --keylog "$KEYS" >"$WORK/offline.ndjson" 2>"$WORK/read.err" || fail "read: $(cat "$WORK/read.err")"
for port in $H2C $H2_SERVER; do tshark_http2 "$port" >"$WORK/theirs.$port"; done
for which in offline live; do
    records=$WORK/offline.ndjson
    [ $which = offline ] || records=$OUT/sessions.ndjson
    check_h2c $which "$records"
    check_tunnels $which "$records"
    check_sockets $which "$records"
done
check_tshark
check_captures
check_follow
finish
