#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Golden cases: in each folder a script of packets, the command that reads the capture made of it, and what it must say.
#   script    the capture, in the language of capture_script.h
#   command   bash; `show OPTION...` reads the capture and prints messages, records and streams (show.py)
#   expected  its output, to the byte
# usage: BUILD=build tests/golden/run.sh [--update] [CASE]...     --update writes what comes out to expected: review it
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
export SESSTAP=${SESSTAP:-$BUILD/sesstap}
GOLDEN=$PWD/tests/golden
MAKE_CAPTURE=$BUILD/tests/golden/make_capture
export GOLDEN

for program in "$SESSTAP" "$MAKE_CAPTURE"; do
    [ -x "$program" ] || { echo "FAIL golden: $program is not there; run make test-programs"; exit 1; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/sesstap-golden.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

update=
[ "${1-}" != --update ] || { update=1; shift; }
cases=("$@")
if [ ${#cases[@]} -eq 0 ]; then
    for script in "$GOLDEN"/*/script; do
        cases+=("$(basename "$(dirname "$script")")")
    done
fi

sesstap() {
    "$SESSTAP" "$@"
}

show() { # OPTION...: read the capture with them; what was said and what was written
    local status=0
    rm -rf out
    sesstap read capture -o out --streams --lots "$@" 2>messages || status=$?
    cat messages
    [ "$status" -eq 0 ] || echo "exit status $status"
    /usr/bin/python3 "$GOLDEN/show.py" out
}
export -f sesstap show

failed=0
for name in "${cases[@]}"; do
    dir=$GOLDEN/$name place=$work/$name
    mkdir -p "$place"
    if ! "$MAKE_CAPTURE" "$dir/script" "$place/capture" 2>"$place/said"; then
        echo "FAIL $name: no capture"
        cat "$place/said"
        failed=1
        continue
    fi
    (cd "$place" && bash "$dir/command") >"$place/said" 2>&1
    [ -z "$update" ] || cp "$place/said" "$dir/expected"
    if diff -u "$dir/expected" "$place/said" >"$place/diff" 2>&1; then
        echo "ok $name"
    else
        echo "FAIL $name"
        cat "$place/diff"
        failed=1
    fi
done
exit $failed
