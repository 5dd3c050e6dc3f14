#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: follow, show and extract tell one session of a capture, exactly: a stream with a hole in each format, packets byte
# for byte with all their fragments, and of names, secrets and comments what concerns the session. What fails writes no file.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${SESSTAP:=$PWD/build/sesstap}"
[ -x "$SESSTAP" ] || { echo "FAIL one_session: $SESSTAP is not there; run make"; exit 1; }
command -v python3 >/dev/null || { echo "SKIP one_session: python3 is not there; scripts/deps.sh test installs it"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
python3 tests/e2e/one_session.py "$SESSTAP" "$work"
