#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real traffic over a veth pair, tracked and not: iperf3 with one stream to the container, or from it (iperf3-in: what
# comes in where sesstap runs), wrk with a connection a request.
# usage: BUILD=build [MODES="none default records xdp pcap tcpdump"] tests/bench/traffic.sh iperf3|iperf3-in|wrk [ROUNDS [SECONDS]]
# Prints `WORK MODE ROUND FIGURE`: Gbit/s or requests a second; of wrk also the CPU time that a request took in client,
# server and tracker, in us, which other load on the machine moves little. The modes alternate, so that it hits all alike.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

program=${1-} rounds=${2:-7} seconds=${3:-2}
read -ra modes <<<"${MODES:-none default records pcap tcpdump}"

start_server() {
    case $program in
    iperf3*) spawn "$NS_B" iperf3 'Server listening' iperf3 -s --forceflush ;;
    wrk)
        mkdir -p "$WORK/www"
        head -c 1024 /dev/zero | tr '\0' x >"$WORK/www/index.html"
        cat >"$WORK/nginx.conf" <<END
daemon off;
worker_processes 1;
pid $WORK/nginx.pid;
error_log stderr notice;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_timeout 0;
    client_body_temp_path $WORK; proxy_temp_path $WORK; fastcgi_temp_path $WORK; uwsgi_temp_path $WORK; scgi_temp_path $WORK;
    server { listen $B4:80 backlog=4096; root $WORK/www; }
}
END
        chmod 755 "$WORK"
        spawn "$NS_B" nginx 'start worker process' nginx -e stderr -p "$WORK" -c "$WORK/nginx.conf"
        SERVER=$(pgrep -P "$SPAWNED")
        ;;
    *)
        echo "usage: tests/bench/traffic.sh iperf3|iperf3-in|wrk [ROUNDS [SECONDS]]" >&2
        exit 2
        ;;
    esac
}

cpu_ns() { # PID...
    local pid sum=0
    for pid; do
        sum=$((sum + $(cut -d ' ' -f 1 "/proc/$pid/schedstat")))
    done
    echo "$sum"
}

# A minute and a fraction as bash's `times` prints them, user and system time of the children.
times_ns() { awk 'END { split($1, u, /[ms]/); split($2, s, /[ms]/); printf "%.0f", ((u[1] + s[1]) * 60 + u[2] + s[2]) * 1e9 }' "$1"; }

measure_wrk() { # [PID]: of what tracks
    local out=$WORK/wrk.out before after
    before=$(cpu_ns "$SERVER" "$@")
    in_a bash -c 'wrk -t 1 -c 16 -d "$0" -H "Connection: close" "$1"; times' "$seconds" "http://$B4/" >"$out"
    [ $# -eq 0 ] || sleep 1 # closed sessions are written after they lingered
    after=$(cpu_ns "$SERVER" "$@")
    awk -v ns=$((after - before + $(times_ns "$out"))) '
        /requests in/ { count = $1 } /Requests\/sec/ { rate = $2 }
        END { printf "%s %.1f\n", rate, ns / count / 1000 }' "$out"
}

measure() { # [PID]
    case $program in
    iperf3) in_a iperf3 -c "$B4" -t "$seconds" -J | jq '.end.sum_received.bits_per_second / 1e9' ;;
    iperf3-in) in_a iperf3 -R -c "$B4" -t "$seconds" -J | jq '.end.sum_received.bits_per_second / 1e9' ;;
    wrk) measure_wrk "$@" ;;
    esac
}

tracked() { # ARGUMENT...
    OUT=$WORK/out
    start_sesstap -i "$IF_A" -o "$OUT" "$@"
    measure "$SESSTAP_PID"
    stop_sesstap || { cat "$SESSTAP_ERR" >&2; die "sesstap run $* failed"; }
    rm -rf "$OUT"
}

one_round() { # MODE
    case $1 in
    none) measure ;;
    default) tracked ;;
    records) tracked --depth none ;;
    xdp) tracked --depth none --mode xdp ;;
    pcap) tracked --pcap ;;
    tcpdump)
        spawn "$NS_A" tcpdump 'listening on' tcpdump -i "$IF_A" -s 128 -w /dev/null
        measure "$SPAWNED"
        end_process "$SPAWNED" INT
        ;;
    esac
}

need_root
ns_pair
start_server
measure >/dev/null
for ((round = 1; round <= rounds; round++)); do
    for mode in "${modes[@]}"; do
        figure=$(one_round "$mode") || die "$program, $mode"
        echo "$program $mode $round $figure"
    done
done
