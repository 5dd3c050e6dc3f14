#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: every TCP stream of a corpus of public captures, both directions, is byte for byte what tshark, tcpflow and an
# independent first-wins reassembler make of it, but for the differences that corpus_follow.py explains, each with its packet.
# The corpus is not part of the repository: CORPUS=folder, or ../shared/corpus, when it is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}" "${CORPUS:=../shared/corpus}"

[ -x "$SESSTAP" ] || { echo "FAIL corpus_follow: $SESSTAP is not there; run make"; exit 1; }
command -v python3 >/dev/null || { echo "SKIP corpus_follow: python3 is not there; scripts/deps.sh test installs it"; exit 77; }
[ -r "$CORPUS/follow-ref.tsv" ] || { echo "SKIP corpus_follow: no corpus at $CORPUS: set CORPUS to a folder with follow-ref.tsv"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
python3 tests/e2e/corpus_follow.py "$SESSTAP" "$CORPUS" "$work"
