#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows the sessions of this host's containers, live. On a host without any it plays a demo of about ten seconds in two
# network namespaces of its own, which it removes at the end, also when interrupted; the demo's files stay.
# usage: scripts/run.sh      (make run calls it; SESSTAP_DEMO_DIR=DIR takes the demo's files, default a new one in /tmp)
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH=$PATH:/usr/sbin:/sbin

BUILD=${BUILD:-build}
SESSTAP=${SESSTAP:-$BUILD/sesstap}
TRAFFIC=$BUILD/tests/e2e/traffic
HOST=sesstap-demo-host
CONTAINER=sesstap-demo-container
SERVER=10.99.0.1
SECONDS_LONG=11
BULK_BYTES=200000000
DIR=
PIDS=()

die() { # MESSAGE
    echo "make run: $1" >&2
    exit 1
}

has_containers() {
    [ -n "$(ip -o link show type veth 2>/dev/null; ip -o link show type netkit 2>/dev/null)" ]
}

# Ends what runs in the demo's namespaces (nothing but the demo does) and removes them.
remove_namespaces() {
    local ns signal i pids
    for ns in $HOST $CONTAINER; do
        [ -e "/var/run/netns/$ns" ] || continue
        for signal in TERM KILL; do
            mapfile -t pids < <(ip netns pids $ns 2>/dev/null)
            [ ${#pids[@]} -eq 0 ] || kill -$signal "${pids[@]}" 2>/dev/null
            for ((i = 0; i < 60; i++)); do
                [ -n "$(ip netns pids $ns 2>/dev/null)" ] || break
                sleep 0.05
            done
        done
        ip netns del $ns 2>/dev/null
    done
}

clean_up() {
    local pid
    trap '' INT TERM HUP
    for pid in ${PIDS[@]+"${PIDS[@]}"}; do
        kill -TERM "$pid" 2>/dev/null
    done
    remove_namespaces
    wait
    [ -n "$DIR" ] && [ -z "$FINISHED" ] || return
    [ -s "$DIR/sesstap.log" ] || rm -f "$DIR/sesstap.log"
    rmdir "$DIR" 2>/dev/null || echo "make run: stopped early; what was seen until then is in $DIR" >&2
} 9>&-

make_namespaces() {
    ip netns add $HOST && ip netns add $CONTAINER || die "cannot make network namespaces here (ip netns add failed)"
    ip netns exec $HOST true || die "cannot run a program in a network namespace here (ip netns exec failed)"
    ip link add veth-demo netns $HOST type veth peer name eth0 netns $CONTAINER || die "cannot make a veth pair here"
    ip -n $HOST addr add $SERVER/24 dev veth-demo
    ip -n $HOST addr add fd99::1/64 dev veth-demo nodad
    ip -n $CONTAINER addr add 10.99.0.2/24 dev eth0
    ip -n $CONTAINER addr add fd99::2/64 dev eth0 nodad
    ip -n $HOST link set lo up
    ip -n $HOST link set veth-demo up
    ip -n $CONTAINER link set lo up
    ip -n $CONTAINER link set eth0 up
    # What the slow request does not read yet shall wait at the server, not in a large buffer.
    ip netns exec $CONTAINER sh -c 'echo 4096 65536 131072 >/proc/sys/net/ipv4/tcp_rmem'
}

start() { # NAMESPACE COMMAND...: in the background
    ip netns exec "$1" env --default-signal=INT "${@:2}" >/dev/null 2>&1 9>&- &
    PIDS+=($!)
}

from_container() { # COMMAND...
    ip netns exec $CONTAINER "$@" >/dev/null 2>&1
}

# What the container does, about ten seconds long.
clients() {
    local i to="--addr $SERVER --port 80"
    from_container ping -q -i 0.5 -c 18 $SERVER &
    from_container sh -c "curl -s http://$SERVER/3000000 | { sleep 7; cat; }" &
    for ((i = 1; i <= 9; i++)); do
        from_container "$TRAFFIC" dns-query --addr $SERVER --port 53 --name "service-$i.demo"
        from_container curl -s "http://$SERVER/${i}000"
        from_container curl -s -g -d "order=$i" "http://[fd99::1]/orders"
        # shellcheck disable=SC2086
        case $i in
        2) from_container "$TRAFFIC" bulk $to --bytes $BULK_BYTES --down ;;
        4) from_container curl -s http://$SERVER:8443/ ;;
        5) from_container "$TRAFFIC" reset $to --bytes 50000 ;;
        7) from_container "$TRAFFIC" halfclose $to --bytes 5000 ;;
        esac
        sleep 0.9
    done
}

show_sessions() { # RECORDS
    python3 - "$1" <<'END'
import json, sys

def size(n):
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return ("%d %s" if unit == "B" else "%.1f %s") % (n, unit)
        n /= 1000

rows = [("#", "proto", "client", "server", "state", "ended by", "sent", "received", "seconds", "handshake", "retrans")]
with open(sys.argv[1]) as lines:
    for line in lines:
        r = json.loads(line)
        tcp, close = r.get("tcp", {}), r.get("close", {})
        again = sum(tcp.get(q, {}).get("retransmits", 0) for q in ("quality_fwd", "quality_rev"))
        rows.append((r["name"].split(".")[0], r["@type"].replace("Session", "").lower(),
                     r["src"].get("socket", r["src"]["ip"]), r["dst"].get("socket", r["dst"]["ip"]),
                     r.get("state", "-"), " ".join(close.get(k, "") for k in ("reason", "by")).strip() or "-",
                     size(r["out"]["payload"]), size(r["in"]["payload"]), "%.3f" % r["duration"],
                     "%.0f us" % (r["latency"] * 1e6) if "latency" in r else "-", str(again) if tcp else "-"))
widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
for row in rows:
    print("  " + "  ".join(c.rjust(w) if i > 5 else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())
END
}

show_files() {
    echo
    echo "Files of this demo, yours to keep or remove:"
    echo "  $DIR/sessions.ndjson   $(wc -l <"$DIR/sessions.ndjson") sessions, one JSON record a line"
    echo "  $DIR/pcap/             $(find "$DIR/pcap" -name '*.pcapng' | wc -l) captures, one a session, for Wireshark"
    echo "  $DIR/sesstap.prom      metrics for Prometheus (node_exporter's textfile collector)"
    echo "  $DIR/sesstap.log       what sesstap said"
    echo "Removed: both namespaces, the veth pair, servers and clients."
}

wait_until_tracking() { # PID: up to a minute, since the kernel checks the programs first, on a busy machine slowly
    local i
    for ((i = 0; i < 1200; i++)); do
        ! grep -q '^sesstap: tracking' "$DIR/sesstap.log" || return 0
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    cat "$DIR/sesstap.log" >&2
    ! kill -0 "$1" 2>/dev/null || die "sesstap is not ready after a minute; is this machine too busy?"
    die "sesstap does not track (its words are above; $SESSTAP doctor tells what is missing)"
}

demo() {
    local tracker status=0
    exec 9>"${TMPDIR:-/tmp}/sesstap-demo.lock" || die "cannot write in ${TMPDIR:-/tmp}"
    flock -n 9 || die "another demo is running on this host; wait for its end"
    FINISHED=
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    remove_namespaces
    if [ -n "${SESSTAP_DEMO_DIR-}" ]; then
        mkdir -p "$SESSTAP_DEMO_DIR" || die "cannot make $SESSTAP_DEMO_DIR"
        DIR=$SESSTAP_DEMO_DIR
    else
        DIR=$(mktemp -d /tmp/sesstap-demo.XXXXXX) || die "cannot make a folder in /tmp"
    fi
    cat <<END
No container interface (veth, netkit) on this host, so this is a demo of about ten seconds:
  - a host and a container, two network namespaces joined by a veth pair: veth-demo $SERVER, eth0 10.99.0.2
  - on the host: an HTTP server (port 80) and a DNS server (port 53)
  - in the container: HTTP requests by curl, a slow one and one of $((BULK_BYTES / 1000000)) MB, a refused one (port 8443),
    one reset half way, one half closed, DNS queries, ping
  - sesstap on the host, tracking veth-demo:
      sesstap run -o $DIR --pcapng --prom $DIR/sesstap.prom --duration $SECONDS_LONG

END
    make_namespaces
    start $HOST "$TRAFFIC" server --addr $SERVER --port 80 --resp 2000
    start $HOST "$TRAFFIC" server --addr fd99::1 --port 80 --resp 2000
    start $HOST "$TRAFFIC" dns-server --addr $SERVER --port 53
    : >"$DIR/sesstap.log"
    ip netns exec $HOST env --default-signal=INT "$SESSTAP" run -o "$DIR" --pcapng --prom "$DIR/sesstap.prom" \
        --duration $SECONDS_LONG 2>>"$DIR/sesstap.log" 9>&- &
    tracker=$!
    PIDS+=("$tracker")
    wait_until_tracking $tracker
    clients 9>&- &
    PIDS+=($!)
    wait $tracker || status=$?
    FINISHED=yes
    sed 's/^/  /' "$DIR/sesstap.log"
    [ $status -eq 0 ] || die "sesstap ended with status $status"
    echo
    echo "The sessions it saw (client to server is \"sent\"):"
    show_sessions "$DIR/sessions.ndjson"
    show_files
}

[ "$(id -u)" -eq 0 ] || die "needs root, to attach BPF programs to interfaces: sudo make run"
[ -x "$SESSTAP" ] || die "$SESSTAP is not built; call make run"
if has_containers; then
    exec "$SESSTAP" run
fi
[ -x "$TRAFFIC" ] || make -s "$TRAFFIC" || die "cannot build $TRAFFIC"
demo
