#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: `sesstap read --streams` interrupted in its midst dies by that signal and leaves no stream behind, not even
# in a hidden folder; read to its end it gives the same streams whether or not their folder was there.
. "$(dirname "$0")/lib.sh"
need python3

CAPTURE=$WORK/capture
DATAGRAMS=1000

# One datagram a second, each from a port of its own: a session that ends 30 s later.
python3 - "$CAPTURE" "$DATAGRAMS" <<'END' || die "no capture"
import struct, sys
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for i in range(int(sys.argv[2])):
        text = b"datagram %d" % i
        udp = struct.pack(">HHHH", 1024 + i, 9, 8 + len(text), 0) + text
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        out.write(struct.pack("<IIII", 1000000000 + i, 0, 20 + len(udp), 20 + len(udp)) + ip + udp)
END

# What the folder holds, hidden names too.
names() { # FOLDER
    find "$1" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '
}

wait_for_streams() { # FOLDER: until some are made
    local i
    for ((i = 0; i < 500; i++)); do
        ! compgen -G "$1/.streams.tmp-*/*" >/dev/null || return 0
        sleep 0.02
    done
    return 1
}

interrupt() { # SIGNAL STATUS
    local pid status=0 writer
    rm -rf "$OUT"
    mkfifo "$WORK/fifo"
    # A shell has SIGINT ignored in what it runs in the background.
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$SESSTAP" read --streams -o "$OUT" - <"$WORK/fifo" 2>"$SESSTAP_ERR" &
    pid=$!
    exec {writer}>"$WORK/fifo"
    cat "$CAPTURE" >&"$writer"
    assert_true "$1: streams are being made" wait_for_streams "$OUT"
    kill -s "$1" "$pid"
    wait "$pid" || status=$?
    exec {writer}>&-
    rm "$WORK/fifo"
    assert_eq "$1: status" "$2" "$status"
    assert_eq "$1: what is left" "sessions.ndjson " "$(names "$OUT")"
}

interrupt INT 130
interrupt TERM 143
interrupt HUP 129

"$SESSTAP" read --streams -o "$WORK/once" "$CAPTURE" 2>/dev/null || fail "cannot read"
assert_eq "streams" "$DATAGRAMS" "$(names "$WORK/once/streams" | wc -w)"
assert_eq "the last one" "datagram $((DATAGRAMS - 1))" "$(cat "$WORK/once/streams/$DATAGRAMS.client")"
mkdir -p "$WORK/again/streams"
echo old >"$WORK/again/streams/1.client"
echo mine >"$WORK/again/streams/mine"
"$SESSTAP" read --streams -o "$WORK/again" "$CAPTURE" 2>/dev/null || fail "cannot read again"
assert_eq "a file that is not ours" mine "$(cat "$WORK/again/streams/mine")"
rm -f "$WORK/again/streams/mine"
assert_true "the same streams in a folder that was there" diff -r "$WORK/once/streams" "$WORK/again/streams"
assert_eq "hidden names" "" "$(find "$WORK/again" "$WORK/once" -name '.*' -printf '%P ')"
finish
