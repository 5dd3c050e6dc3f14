#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every measurement of docs/performance.md, and then the tables. `make bench` calls it.
# usage: BUILD=build tests/bench/run.sh          raw numbers: $BUILD/bench/*.txt; ROUNDS and SECONDS_EACH change the length
set -eu

BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-7}
SECONDS_EACH=${SECONDS_EACH:-2}
here=$(dirname "$0")
out=$BUILD/bench
export BUILD

if [ "$(id -u)" -ne 0 ]; then
    echo "make bench needs root: it loads BPF programs and makes network namespaces" >&2
    exit 1
fi
mkdir -p "$out"

step() { # NAME COMMAND...: its output to $out/NAME.txt
    local name=$1
    shift
    echo "  BENCH   $name" >&2
    "$@" >"$out/$name.txt"
}

machine() {
    echo "kernel $(uname -r)"
    echo "cpus $(nproc)"
    echo "model $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "clang $(clang --version | head -n 1)"
    echo "load $(cut -d ' ' -f 1 /proc/loadavg)"
    echo "date $(date -u +%F)"
}

step machine machine
step packet_cost "$BUILD/tests/bench/packet_cost"
step verifier_cost "$BUILD/tests/bench/verifier_cost"
step iperf3 "$here/traffic.sh" iperf3 "$ROUNDS" "$SECONDS_EACH"
MODES='none records xdp' step iperf3-in "$here/traffic.sh" iperf3-in "$ROUNDS" "$SECONDS_EACH"
step wrk "$here/traffic.sh" wrk "$ROUNDS" "$SECONDS_EACH"
step memory "$here/memory.sh"
step load "$here/load.sh" "${LOAD_SECONDS:-20}"
"$here/table.sh" "$out" | tee "$out/table.md"
"$here/offline.sh"
