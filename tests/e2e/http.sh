#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: HTTP/1.1 and HTTP/2 of nginx, curl, nghttp and a server that knows the rest: what was asked and served, byte for byte, is in
# the records of `run --http` and of `read --http`, in `follow --http` and in the files of `extract --objects`; a
# gigabyte in a megabyte of gzip is cut off, and counted.      timeout: 200
. "$(dirname "$0")/lib.sh"
need_root
need nginx curl nghttp tcpdump jq python3 zstd

PEERS=$E2E/http_peers.py
WWW=$WORK/www
CAPTURE=$WORK/all.pcap
CONTENT_MOST=$((64 << 20))

make_files() {
    mkdir -p "$WWW/br" "$WWW/zst"
    for ((i = 0; i < 3000; i++)); do echo "line $i of the text"; done >"$WWW/a.txt"
    echo 'var answer = 42; // a script that is long enough to be packed' >"$WWW/b.js"
    head -c 200000 /dev/urandom >"$WWW/c.bin"
    python3 "$PEERS" brotli "$WWW/a.txt" >"$WWW/br/a.txt"
    zstd -q -c "$WWW/a.txt" >"$WWW/zst/a.txt"
    head -c 1500000 /dev/urandom >"$WORK/upload"
    chmod -R go+rX "$WORK"
}

nginx_conf() {
    cat <<EOF
daemon off; worker_processes 1; pid $WORK/nginx.pid; error_log stderr notice; user root;
events { }
http {
    access_log off; root $WWW; keepalive_timeout 20;
    client_body_temp_path $WORK/tmp1; proxy_temp_path $WORK/tmp2; fastcgi_temp_path $WORK/tmp3;
    uwsgi_temp_path $WORK/tmp4; scgi_temp_path $WORK/tmp5;
    types { text/plain txt; application/javascript js; application/octet-stream bin; }
    gzip on; gzip_types *; gzip_min_length 20;
    server { listen $B4:80;
        location /br/ { gzip off; add_header Content-Encoding br; }
        location /zst/ { gzip off; add_header Content-Encoding zstd; } }
    server { listen $B4:82 http2; http2_push_preload on;
        location = /push.txt { alias $WWW/a.txt; add_header Link "</b.js>; as=script; rel=preload"; } }
}
EOF
}

serve() {
    nginx_conf >"$WORK/nginx.conf"
    spawn "$NS_B" nginx 'start worker process' nginx -c "$WORK/nginx.conf" -e stderr
    spawn "$NS_B" peers listening python3 "$PEERS" serve "$B4" 81
    spawn "$NS_A" tcpdump 'listening on' tcpdump --immediate-mode -i "$IF_A" -s 0 -B 65536 -U -w "$CAPTURE" tcp
    TCPDUMP=$SPAWNED
}

get() { # CURL-ARGUMENT...
    in_a curl -s --noproxy '*' -o "$WORK/got" "$@" || fail "curl $*"
}

clients() {
    get "http://$B4/a.txt" -o "$WORK/got2" "http://$B4/b.js" -o "$WORK/got3" "http://$B4/missing"
    get --compressed "http://$B4/a.txt"
    get -H 'Accept-Encoding: br' "http://$B4/br/a.txt"
    get -H 'Accept-Encoding: zstd' "http://$B4/zst/a.txt"
    get -I "http://$B4/c.bin"
    get -r 100-1099 "http://$B4/c.bin"
    get -H "If-Modified-Since: $(date -uR -r "$WWW/c.bin" | sed 's/+0000/GMT/')" "http://$B4/c.bin"
    printf 'GET /%s HTTP/1.1\r\nHost: pipe\r\n%s\r\n' a.txt '' b.js '' c.bin $'Connection: close\r\n' >"$WORK/pipeline"
    in_a python3 "$PEERS" talk "$B4" 80 "$WORK/pipeline" >"$WORK/got"
    get -H 'Expect: 100-continue' --data-binary "@$WORK/upload" "http://$B4:81/upload"
    get "http://$B4:81/hints" -o "$WORK/got2" "http://$B4:81/end"
    get "http://$B4:81/bomb"
    in_a python3 "$PEERS" websocket "$B4" 81
    get --http2-prior-knowledge --compressed "http://$B4:82/a.txt"
    in_a nghttp -n -d "$WWW/b.js" "http://$B4:82/b.js" || fail "nghttp with a body"
    in_a nghttp -n "http://$B4:82/a.txt" "http://$B4:82/c.bin" "http://$B4:82/missing" || fail "nghttp"
    in_a nghttp -n "http://$B4:82/push.txt" || fail "nghttp with push"
}

sha() { sha256sum "$1" | cut -d ' ' -f 1; }

# VERSION METHOD URI STATUS INTERIM and what the response carried, a line a transaction, sorted
expected() {
    local a b c part
    a=$(sha "$WWW/a.txt") b=$(sha "$WWW/b.js") c=$(sha "$WWW/c.bin")
    part=$(tail -c +101 "$WWW/c.bin" | head -c 1000 | sha256sum | cut -d ' ' -f 1)
    sort <<EOF
1.1 GET /a.txt 200 0 $a
1.1 GET /b.js 200 0 $b
1.1 GET /a.txt 200 0 $a
1.1 GET /br/a.txt 200 0 $a
1.1 GET /zst/a.txt 200 0 $a
1.1 HEAD /c.bin 200 0 -
1.1 GET /c.bin 206 0 $part
1.1 GET /c.bin 304 0 -
1.1 GET /a.txt 200 0 $a
1.1 GET /b.js 200 0 $b
1.1 GET /c.bin 200 0 $c
1.1 POST /upload 201 1 $(sha "$WORK/upload" | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
1.1 GET /hints 200 2 $(printf hinted | sha256sum | cut -d ' ' -f 1)
1.1 GET /end 200 0 $(printf 'until the end' | sha256sum | cut -d ' ' -f 1)
1.1 GET /ws 101 0 -
2 GET /a.txt 200 0 $a
2 GET /a.txt 200 0 $a
2 GET /c.bin 200 0 $c
2 GET /push.txt 200 0 $a
2 GET /b.js 200 0 $b
EOF
}

transactions() { # RECORDS: those of `expected`; nginx's own error pages and the bomb are looked at apart
    jq -r '.http[]? | select(.status < 400 and .uri != "/bomb") |
        "\(.version) \(.method) \(.uri) \(.status) \(.informational // 0) \(.response.sha256 // "-")"' "$1" | sort
}

check_records() { # WHICH RECORDS
    local records=$2
    expected >"$WORK/expected"
    transactions "$records" >"$WORK/transactions"
    assert_true "$1: each transaction, method, URI, status, content" diff "$WORK/expected" "$WORK/transactions"
    assert_eq "$1: all complete" 0 "$(jq -n '[inputs | .http[]? | select(.response.complete != true or (.request and .request.complete != true))] | length' "$records")"
    assert_eq "$1: body sent" "$(sha "$WORK/upload")" "$(jq -r '.http[]? | select(.uri == "/upload") | .request.sha256' "$records")"
    assert_eq "$1: not found" '1.1 404 2 404 2 405' \
        "$(jq -r '.http[]? | select(.status >= 400) | "\(.version) \(.status)"' "$records" | sort | tr '\n' ' ' | sed 's/ $//')"
    assert_eq "$1: pipelined in one session" 3 "$(jq -n '[inputs | .http[]? | select(.host == "pipe")] | length' "$records")"
    assert_eq "$1: WebSocket frames" "out 1 5, in 1 2, in 2 70000, in 8 0, out 8 0, " \
        "$(jq -j '.websocket[]? | "\(.direction) \(.opcode) \(.length), "' "$records")"
    assert_eq "$1: the bomb is cut" true "$(jq '.http[]? | select(.uri == "/bomb") | .response.cut' "$records")"
    assert_true "$1: within its bound" [ "$(jq '.http[]? | select(.uri == "/bomb") | .response.content_bytes' "$records")" -le $CONTENT_MOST ]
    assert_true "$1: and counted" [ "$(jq -n '[inputs | .app.cut_content_bytes // 0] | add' "$records")" -gt 0 ]
}

check_follow() { # offline, one session: the packed text as text
    local stream
    stream=$(jq -r 'select(any(.http[]?; .response.content_encoding == "br")) | .streamIndex' "$WORK/offline.ndjson")
    "$SESSTAP" follow "$CAPTURE" "$stream" --http >"$WORK/followed" 2>/dev/null
    assert_true "follow --http: request" grep -q '^GET /br/a.txt HTTP/1.1' "$WORK/followed"
    assert_eq "follow --http: content decoded" 3000 "$(grep -c '^line [0-9]* of the text' "$WORK/followed")"
    stream=$(jq -r 'select(any(.http[]?; .version == "2" and .status == 404)) | .streamIndex' "$WORK/offline.ndjson")
    "$SESSTAP" follow "$CAPTURE" "$stream" --http >"$WORK/followed" 2>/dev/null
    assert_eq "follow --http: HTTP/2 requests" 3 "$(grep -ac '^GET /.* HTTP/2' "$WORK/followed")"
    assert_eq "follow --http: HTTP/2 content" 3000 "$(grep -ac '^line [0-9]* of the text' "$WORK/followed")"
}

check_objects() {
    local dir=$WORK/objects file hash bad=0
    "$SESSTAP" extract "$CAPTURE" --objects "$dir" >/dev/null 2>"$WORK/extract.err" || fail "extract --objects: $(cat "$WORK/extract.err")"
    while IFS=$'\t' read -r file hash; do
        [ "$(sha "$dir/$file")" = "$hash" ] || bad=$((bad + 1))
    done < <(jq -r '[.file, .sha256 // .sha256_partial] | select(.[1]) | @tsv' "$dir/manifest.ndjson")
    assert_eq "objects: files are what the manifest says" 0 "$bad"
    assert_eq "objects: a sum is called partial when it is" 0 \
        "$(jq -c 'select((.complete and .sha256_partial) or (.complete | not) and .sha256)' "$dir/manifest.ndjson" | wc -l)"
    assert_eq "objects: the bomb is not complete" false "$(jq 'select(.uri == "/bomb") | .complete' "$dir/manifest.ndjson")"
    assert_eq "objects: a line a file" "$(find "$dir" -type f ! -name manifest.ndjson | wc -l)" "$(wc -l <"$dir/manifest.ndjson")"
    assert_eq "objects: the text, however it was packed" 8 \
        "$(jq -r --arg sha "$(sha "$WWW/a.txt")" 'select(.sha256 == $sha) | .file' "$dir/manifest.ndjson" | wc -l)"
    assert_eq "objects: sizes" 0 "$(jq -r '[.file, .size] | @tsv' "$dir/manifest.ndjson" |
        while IFS=$'\t' read -r file hash; do [ "$(stat -c %s "$dir/$file")" = "$hash" ] || echo "$file"; done | wc -l)"
    "$SESSTAP" extract "$CAPTURE" --objects "$WORK/scripts" --type application/javascript >/dev/null 2>&1
    assert_eq "objects: of one type" "$(jq -n '[inputs | .http[]? | select(.response.content_type == "application/javascript" and
        .response.content_bytes > 0)] | length' "$WORK/offline.ndjson")" "$(wc -l <"$WORK/scripts/manifest.ndjson")"
    "$SESSTAP" extract "$CAPTURE" --objects "$WORK/some" --where 'dst.port == 81' >/dev/null 2>&1
    assert_eq "objects: of some sessions" '/bomb /end /hints /upload /upload ' "$(jq -r .uri "$WORK/some/manifest.ndjson" | sort | tr '\n' ' ')"
}

make_files
ns_pair
serve
start_sesstap -i "$IF_A" --http --depth all -o "$OUT"
clients
wait_quiet
stop_sesstap || fail "sesstap run ends with $?"
end_process "$TCPDUMP" INT
check_records live "$OUT/sessions.ndjson"
"$SESSTAP" read --http "$CAPTURE" >"$WORK/offline.ndjson" 2>/dev/null || fail "read ends with $?"
check_records offline "$WORK/offline.ndjson"
check_follow
check_objects
finish
