#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: list has read's records, each field of them, also from an index, in the order of the first packet or of a field,
# all of them or those that --where or -f leaves; the sums of stats add up to the records. Of a capture made here, and of
# files of the corpus when it is there: of its many small ones of single protocols every fourth, with PROTOCOLS_STEP=1 all.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}" "${CORPUS:=../shared/corpus}" "${PROTOCOLS_STEP:=4}"
[ -x "$SESSTAP" ] || { echo "FAIL list_sums: $SESSTAP is not there; run make"; exit 1; }
command -v python3 >/dev/null || { echo "SKIP list_sums: python3 is not there; scripts/deps.sh test installs it"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
python3 tests/e2e/list_sums.py "$SESSTAP" "$work" "$CORPUS" "$PROTOCOLS_STEP"
