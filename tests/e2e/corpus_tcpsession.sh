#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: --format tcpsession writes what the tool tcpsession keeps of its own test captures, packet by packet; and of every
# capture of the corpus well-formed files whose lists, sums and both streams (--streams) agree.
# The corpus is not part of the repository: CORPUS=folder, or ../shared/corpus, when it is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}" "${CORPUS:=../shared/corpus}"

[ -x "$SESSTAP" ] || { echo "FAIL corpus_tcpsession: $SESSTAP is not there; run make"; exit 1; }
command -v python3 >/dev/null || { echo "SKIP corpus_tcpsession: python3 is not there; scripts/deps.sh test installs it"; exit 77; }
[ -d "$CORPUS/tcpsession" ] || { echo "SKIP corpus_tcpsession: no corpus at $CORPUS: set CORPUS to a folder with tcpsession/"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
python3 tests/e2e/corpus_tcpsession.py "$SESSTAP" "$CORPUS" "$work"
