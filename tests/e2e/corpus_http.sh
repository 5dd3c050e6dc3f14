#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: every HTTP request and response in the clear of a corpus of public captures has the method, URI, host, status and
# body (SHA-256, decoded) that tshark finds, but for the differences that corpus_http.py explains.
# The corpus is not part of the repository: CORPUS=folder, or ../shared/corpus, when it is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}" "${CORPUS:=../shared/corpus}"

[ -x "$SESSTAP" ] || { echo "FAIL corpus_http: $SESSTAP is not there; run make"; exit 1; }
for program in python3 tshark; do
    command -v "$program" >/dev/null ||
        { echo "SKIP corpus_http: $program is not there; scripts/deps.sh test installs it"; exit 77; }
done
[ -d "$CORPUS" ] || { echo "SKIP corpus_http: no corpus at $CORPUS: set CORPUS to a folder of captures"; exit 77; }

python3 tests/e2e/corpus_http.py "$SESSTAP" "$CORPUS"
