#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: whatever a command tells with an index it tells without: list, stats, and show, follow and extract of
# streams, of captures made here and of every file of the corpus when it is there; an index that does not fit is not
# used, and an output of `read` has one.      timeout: 900
. "$(dirname "$0")/lib.sh"
need_root
need jq tcpdump ping

CORPUS=${CORPUS:-$ROOT/../shared/corpus}
STREAMS_A_FILE=${STREAMS_A_FILE:-2}
PROTOCOLS_STEP=${PROTOCOLS_STEP:-4} # of the many small captures of single protocols every fourth; 1: all
FILE=$WORK/capture

# Output and exit status of a command, with the index and without.
same() { # NAME ARGUMENT...
    local name=$1 with without
    shift
    with=$("$SESSTAP" "$@" 2>/dev/null | md5sum; echo "${PIPESTATUS[0]}")
    without=$("$SESSTAP" "$1" --no-index "${@:2}" 2>/dev/null | md5sum; echo "${PIPESTATUS[0]}")
    [ "$with" = "$without" ] || fail "$name: sesstap $* says something else with an index"
}

same_extract() { # NAME STREAM...
    local suffix name=$1
    shift
    for suffix in pcap pcapng; do
        rm -f "$WORK"/{with,without}.$suffix
        "$SESSTAP" extract "$FILE" "$@" -w "$WORK/with.$suffix" 2>/dev/null
        "$SESSTAP" extract --no-index "$FILE" "$@" -w "$WORK/without.$suffix" 2>/dev/null
        [ -e "$WORK/without.$suffix" ] || [ -e "$WORK/with.$suffix" ] || continue
        cmp -s "$WORK/with.$suffix" "$WORK/without.$suffix" ||
            fail "$name: extract $* to $suffix differs with an index"
    done
}

# Some streams of each kind: the first ones and the last one; and the first by its @id.
some_streams() { # RECORDS
    jq -r '.["@type"][:-7] + ":" + (.streamIndex | tostring) | ascii_downcase' "$1" | sort -t: -k1,1 -k2,2n |
        awk -F: -v most="$STREAMS_A_FILE" '$1 != kind { if (last != "") print last; kind = $1; n = 0; last = "" }
            n++ < most { print; next } { last = $0 } END { if (last != "") print last }'
    jq -r '.["@id"]' "$1" | head -n 1
}

check_file() { # NAME: of $FILE
    local stream streams=()
    "$SESSTAP" index "$FILE" 2>/dev/null
    [ -e "$FILE.stidx" ] || { fail "$1: no index"; return; }
    same "$1" list "$FILE" --json
    same "$1" list "$FILE"
    same "$1" list "$FILE" --sort packetsCount --where 'packetsCount > 3'
    same "$1" stats "$FILE" --by conversation
    "$SESSTAP" list --json "$FILE" >"$WORK/records" 2>/dev/null
    mapfile -t streams < <(some_streams "$WORK/records")
    for stream in "${streams[@]}"; do
        same "$1" show "$FILE" "$stream" --json
        same "$1" follow "$FILE" "$stream" --format json
        same_extract "$1" "$stream"
    done
    [ ${#streams[@]} -eq 0 ] || same_extract "$1" "${streams[@]}"
    files=$((files + 1)) found=$((found + ${#streams[@]}))
    rm -f "$FILE.stidx"
}

check_corpus() {
    local path
    while read -r path; do
        cat "$path" >"$FILE"
        "$SESSTAP" list "$FILE" >/dev/null 2>&1
        [ $? -eq 1 ] || check_file "${path#"$CORPUS"/}"
    done < <(find "$CORPUS" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) | sort |
        awk -v step="$PROTOCOLS_STEP" '!/ndpi-protocols/ || n++ % step == 0')
}

# Says a warning, and the same as without.
refused() { # WHAT
    local said
    said=$("$SESSTAP" list "$FILE" 2>&1 >/dev/null | grep -c "stidx is not used")
    assert_eq "$1: warned of once" 1 "$said"
    said=$("$SESSTAP" follow "$FILE" tcp:0 2>&1 >/dev/null | grep -c "stidx is not used")
    assert_eq "$1: warned of once by follow" 1 "$said"
    same "$1" list "$FILE" --json
    same "$1" show "$FILE" tcp:0
}

change_byte() { # OFFSET: in the index
    local old
    old=$(od -An -tu1 -j "$1" -N1 "$FILE.stidx")
    printf '%b' "\\x$(printf %02x $((old ^ 16)))" | dd of="$FILE.stidx" bs=1 seek="$1" conv=notrunc status=none
}

check_bad_index() {
    local size said
    "$SESSTAP" index "$FILE" 2>/dev/null
    touch "$FILE"
    refused "a capture that was touched"
    "$SESSTAP" index "$FILE" 2>/dev/null
    size=$(stat -c %s "$FILE.stidx")
    truncate -s $((size - 8)) "$FILE.stidx"
    refused "an index cut short"
    "$SESSTAP" index "$FILE" 2>/dev/null
    change_byte 130
    refused "an index with a changed byte in its head"
    "$SESSTAP" index "$FILE" 2>/dev/null
    change_byte 300
    said=$("$SESSTAP" list "$FILE" 2>&1 >/dev/null | grep -c "stidx is not used")
    assert_eq "an index with a changed byte in a session: warned of" 1 "$said"
    same "an index with a changed byte in a session" list "$FILE" --json
    : >"$FILE.stidx"
    refused "an empty index"
    rm -f "$FILE.stidx"
    "$SESSTAP" read -o "$WORK/out" "$FILE" 2>/dev/null
    assert_true "read -o leaves an index" test -s "$FILE.stidx"
    same "the index of read -o" list "$FILE" --json
    rm -f "$FILE.stidx"
}

check_refusals() {
    local status
    "$SESSTAP" index "$WORK" 2>/dev/null
    status=$?
    assert_eq "index of a folder" 1 $status
    "$SESSTAP" index -f tcp "$FILE" 2>/dev/null
    status=$?
    assert_eq "index with a filter" 2 $status
    mkdir -p "$WORK/shut"
    cp "$FILE" "$WORK/shut/capture"
    chmod 555 "$WORK/shut"
    "$SESSTAP" index "$WORK/shut/capture" 2>/dev/null
    status=$?
    assert_eq "index in a folder that is not to be written to" 1 $status
    "$SESSTAP" read -o "$WORK/out" "$WORK/shut/capture" 2>/dev/null
    status=$?
    assert_eq "read of a file there" 0 $status
    assert_eq "files there" capture "$(ls "$WORK/shut")"
}

# Real sessions: short ones that reuse ports, one of many packets, datagrams in pieces.
make_capture() {
    ns_pair
    spawn "$NS_A" dump 'listening on' tcpdump -n -i "$IF_A" -w "$FILE" -U --immediate-mode
    spawn_server "$NS_A" server server --addr "$A4" --port 80
    spawn_server "$NS_A" udp udp-server --addr "$A4" --port 7
    in_b "$TRAFFIC" client --addr "$A4" --port 80 --count 200 --path /700 >/dev/null || fail "client"
    in_b "$TRAFFIC" bulk --addr "$A4" --port 80 --bytes 20000000 --down >/dev/null || fail "bulk"
    in_b "$TRAFFIC" udp-client --addr "$A4" --port 7 --count 3 --size 9000 >/dev/null || fail "UDP"
    in_b ping -q -c 2 -i 0.2 -s 5000 "$A4" >/dev/null || fail "ping"
    in_b ping -q -c 2 -i 0.2 -s 5000 "$A6" >/dev/null || fail "ping of IPv6"
    wait_quiet
    ns_del "$NS_B"
    ns_del "$NS_A"
}

# What lies between a stream's packets is not read: it may be anything.
check_rest_unread() {
    local with mtime
    "$SESSTAP" index "$FILE" 2>/dev/null
    with=$("$SESSTAP" follow "$FILE" tcp:0 --format raw | md5sum)
    mtime=$(stat -c %y "$FILE")
    dd if=/dev/zero of="$FILE" bs=1M seek=4 count=4 conv=notrunc status=none
    touch -d "$mtime" "$FILE"
    assert_eq "a stream of a file whose middle is gone" "$with" \
        "$("$SESSTAP" follow "$FILE" tcp:0 --format raw | md5sum)"
    "$SESSTAP" follow --no-index "$FILE" tcp:0 >/dev/null 2>&1
    assert_eq "exit status without an index" 3 $?
}

files=0 found=0
make_capture
check_file "made here"
check_bad_index
check_refusals
check_rest_unread
if [ -d "$CORPUS" ]; then
    check_corpus
else
    echo "SKIP index corpus: no corpus at $CORPUS: set CORPUS to a folder of captures"
fi
assert_true "$files captures, $found streams" test "$found" -gt "$files"
finish
