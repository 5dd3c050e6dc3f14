#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Under Debian 12's kernel (6.1, no TCX, so clsact): the programs load, doctor says so, and the tests that KERNEL and
# E2E name give the results that they give here. timeout: 900
# They are few, since each loads the programs several times, and the verifier takes 7 s a program on an emulated processor;
# numbers of connections are divided by 50. ALL=1 runs every test, ONLY=word those whose name holds the word; each prints
# its line as always, with logs in $BUILD/log/vm.
set -u

BUILD=${BUILD:-build}
SECONDS_MAX=${VM_SECONDS:-870}
KERNEL=(test_unaccounted test_headers)
E2E=(clsact two_hops stacked_interfaces) # the last: VLAN devices and bonds are modules there
tests=()

add() { # NAME PATH
    [ -z "${ONLY-}" ] || [[ $1 == *"$ONLY"* ]] || return 0
    tests+=("$2")
}

if [ -n "${ALL-}${ONLY-}" ]; then
    SECONDS_MAX=${VM_SECONDS:-7200}
    for source in tests/kernel/test_*.c; do
        add "$(basename "$source" .c)" "$BUILD/tests/kernel/$(basename "$source" .c)"
    done
    for script in tests/e2e/*.sh; do
        [ "$script" = tests/e2e/lib.sh ] || add "$(basename "$script" .sh)" "$script"
    done
else
    for i in "${!E2E[@]}"; do
        [ -z "${KERNEL[i]-}" ] || add "${KERNEL[i]}" "$BUILD/tests/kernel/${KERNEL[i]}"
        add "${E2E[i]}" "tests/e2e/${E2E[i]}.sh"
    done
fi
[ ${#tests[@]} -gt 0 ] || { echo "SKIP no test is called *$ONLY*"; exit 77; }

# In the guest: doctor, whose check `load` is the programs themselves; then the tests, every other one on one of two
# lanes, as there are two processors.
# shellcheck disable=SC2016
guest='
    if "$BUILD"/sesstap doctor >"$LOGS/doctor.log" 2>&1; then
        echo "ok doctor: sessions can be tracked by $(uname -r)"
    else
        echo "FAIL doctor"
        sed "s/^/    /" "$LOGS/doctor.log"
    fi
    lane() {
        local one number=$1 i=0 mine=()
        shift
        for one; do [ $((i++ % 2)) -ne "$number" ] || mine+=("$one"); done
        LOG_DIR=$LOGS/lane$number tests/run.sh "${mine[@]}" | grep -v "^[0-9]* passed"
    }
    lane 0 "$@" & lane 1 "$@"
    wait'
export VM_SECONDS=$SECONDS_MAX
scripts/vm.sh -w "$BUILD/log/vm" run env BUILD="$BUILD" LOGS="$BUILD/log/vm" TIME_FACTOR=10 E2E_SCALE=50 \
    bash -c "$guest" guest "${tests[@]}"
