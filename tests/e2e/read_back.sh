#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: the captures that `read` writes, a file a session, read back give the same records, in pcapng and in pcap; each
# golden capture, and captures of the corpus when it is there (CORPUS=folder, or ../shared/corpus): of its many small ones of
# single protocols every fourth, with PROTOCOLS_STEP=1 all.      timeout: 600
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
: "${SESSTAP:=$BUILD/sesstap}" "${CORPUS:=../shared/corpus}" "${PROTOCOLS_STEP:=4}"
MAKE_CAPTURE=$BUILD/tests/golden/make_capture

for program in "$SESSTAP" "$MAKE_CAPTURE"; do
    [ -x "$program" ] || { echo "FAIL read_back: $program is not there; run make test-programs"; exit 1; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/sesstap-read_back.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 tests/e2e/read_back.py "$SESSTAP" "$MAKE_CAPTURE" "$work" tests/golden "$CORPUS" "$PROTOCOLS_STEP"
