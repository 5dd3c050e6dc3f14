#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: the protocols of a corpus of captures are named as its reference table names them, as far as this libndpi knows them,
# and as ndpiReader of the same version does, but for the differences that corpus_protocols.py explains.
# The corpus is not part of the repository: CORPUS=folder, or ../shared/corpus, when it is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}" "${CORPUS:=../shared/corpus}"

[ -x "$SESSTAP" ] || { echo "FAIL corpus_protocols: $SESSTAP is not there; run make"; exit 1; }
command -v python3 >/dev/null || { echo "SKIP corpus_protocols: python3 is not there; scripts/deps.sh test installs it"; exit 77; }
[ -r "$CORPUS/ndpi-protocols/expected.tsv" ] || { echo "SKIP corpus_protocols: no captures at $CORPUS/ndpi-protocols"; exit 77; }

python3 tests/e2e/corpus_protocols.py "$SESSTAP" "$CORPUS/ndpi-protocols" && echo "ok corpus_protocols"
