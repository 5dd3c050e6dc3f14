#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs tests, LANES=N of them at a time (1), says one line for each and ends with `N passed, N failed[, N skipped]`.
# usage: BUILD=build tests/run.sh PROGRAM|SCRIPT...       (make calls it; from the top of the repository)
# A test is a program or script that exits 0 (passed), 77 (skipped, its last line says why) or else (failed).
# What counts is cases: those of cmocka, or lines `ok NAME`, `FAIL NAME`, `SKIP NAME: why` on stdout; a test without
# any is one case. Tests in kernel/ and e2e/ are skipped without root. Each has 300 s, or what a line `timeout: SECONDS` in
# a comment among the first 10 lines of its source says, times TIME_FACTOR. Output is kept in LOG_DIR ($BUILD/log).
# Each lane takes the next test when it has done one. A test with a line `alone: WHY` there comes last, beside no other.
set -u

BUILD=${BUILD:-build}
FUZZ_SECONDS=${FUZZ_SECONDS:-60}
FAIL_TAIL_LINES=40
log_dir=${LOG_DIR:-$BUILD/log}
passed=0 failed=0 skipped=0 running='' name=''
declare -A reports=() # of lanes at work: process id -> file with the lines that its test prints

export SESSTAP=$PWD/$BUILD/sesstap
[[ $BUILD != /* ]] || SESSTAP=$BUILD/sesstap
export ASAN_OPTIONS=detect_leaks=1:${ASAN_OPTIONS-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS-}

# The sanitizers of this compiler generation crash now and then under wide address randomisation.
fixed_addresses=(setarch -R)
setarch -R true 2>/dev/null || fixed_addresses=()

# A child in the background ignores SIGINT unless told; tests send it.
default_signals=(env --default-signal=INT --default-signal=QUIT)
stop() {
    trap '' INT TERM HUP
    [ -z "$running" ] || { kill -TERM "$running" 2>/dev/null; wait "$running"; }
    if [ ${#reports[@]} -gt 0 ]; then
        { kill -TERM "${!reports[@]}"; wait "${!reports[@]}"; } 2>/dev/null
        echo "interrupted in $(basename -a -s .report "${reports[@]}" | paste -sd ' ')" >&2
    else
        echo "interrupted${name:+ in $name}" >&2
    fi
    exit 130
}
trap stop INT TERM HUP

# Tests in kernel/ and e2e/ share interfaces and namespaces: one run at a time.
lock_if_shared() {
    case " $* " in
    */kernel/* | *tests/e2e/*)
        exec 9>"$log_dir/lock"
        flock -n 9 || { echo "waiting for another run of these tests" >&2; flock 9; }
        ;;
    esac
}

# tests/e2e/a.sh -> e2e/a, build/asan/tests/unit/test_a -> unit/test_a
name_of() { local n=${1##*tests/}; echo "${n%.sh}"; }

head_of() { # SCRIPT-OR-PROGRAM: of its source
    local source=$1
    [ "${1%.sh}" != "$1" ] || source=tests/${1##*tests/}.c
    head -n 10 "$source" 2>/dev/null
}

seconds_for() { # SCRIPT-OR-PROGRAM
    local found
    found=$(head_of "$1" | sed -n 's/.*timeout: *\([0-9][0-9]*\).*/\1/p' | head -n 1)
    echo $((${found:-300} * ${TIME_FACTOR:-1}))
}

wants_to_be_alone() { # SCRIPT-OR-PROGRAM
    head_of "$1" | grep -q '^[# /*]*alone: .'
}

fuzz_arguments() { # NAME: the seeds are read, finds are written below $BUILD
    local found=$BUILD/fuzz/corpus/${1#fuzz/} seeds
    mkdir -p "$found"
    printf '%s\n' -error_exitcode=1 "-max_total_time=$FUZZ_SECONDS" "-artifact_prefix=$BUILD/fuzz/" -timeout=10 -verbosity=0 "$found"
    for seeds in "tests/fuzz/corpus/${1#fuzz/}" "tests/fuzz/corpus/${1#fuzz/fuzz_}"; do
        [ ! -d "$seeds" ] || echo "$seeds"
    done
}

# Sets ok, bad and skip to the numbers of cases in a log.
count_cases() { # LOG EXIT-STATUS
    # shellcheck disable=SC2016
    local sum='{ n += $1 } END { print n + 0 }'
    ok=$(sed -n 's/^\[  PASSED  \] .*\b\([0-9][0-9]*\) test(s).*/\1/p; s/^ok [^ ].*/1/p' "$1" | awk "$sum")
    bad=$(sed -n 's/^\[  FAILED  \] .*\b\([0-9][0-9]*\) test(s).*/\1/p; s/^FAIL [^ ].*/1/p' "$1" | awk "$sum")
    skip=$(sed -n 's/^\[  SKIPPED \] .*\b\([0-9][0-9]*\) test(s).*/\1/p; s/^SKIP [^ ].*/1/p' "$1" | awk "$sum")
    case $2 in
    0) [ $((ok + bad + skip)) -gt 0 ] || ok=1 ;;
    77) [ $((ok + bad + skip)) -gt 0 ] || skip=1 ;;
    *) [ "$bad" -gt 0 ] || bad=1 ;;
    esac
}

skip_test() { # REASON
    skipped=$((skipped + 1))
    echo "SKIP $name: $1"
}

fail_test() { # REASON
    failed=$((failed + 1))
    echo "FAIL $name: $1"
}

run_test() { # PATH
    local path=$1 log limit status=0 start_us took words ok bad skip
    local command=("$path")
    name=$(name_of "$path")
    log=$log_dir/${name//\//-}.log

    [ -x "$path" ] || { fail_test "$path is not there or not executable"; return; }
    case $name in
    kernel/* | e2e/* | vm/*) [ "$(id -u)" -eq 0 ] || { skip_test "needs root"; return; } ;;
    fuzz/*) mapfile -t -O 1 command < <(fuzz_arguments "$name") ;;
    esac
    case $path in */asan/* | */fuzz/*) command=("${fixed_addresses[@]}" "${command[@]}") ;; esac
    [[ $path == */* ]] || command[0]=./$path
    limit=$(seconds_for "$path")
    case $name in fuzz/*) limit=$((limit + FUZZ_SECONDS)) ;; esac

    start_us=${EPOCHREALTIME/./}
    "${default_signals[@]}" timeout -k 10 "$limit" "${command[@]}" >"$log" 2>&1 9>&- &
    running=$!
    wait "$running" || status=$?
    running=
    took=$(awk -v us=$((${EPOCHREALTIME/./} - start_us)) 'BEGIN { printf "%.1f s", us / 1e6 }')

    count_cases "$log" $status
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    words=$took
    [ $((ok + bad + skip)) -le 1 ] || words="$((ok + bad + skip)) cases, $took"
    if [ "$bad" -gt 0 ]; then
        [ $status -ne 124 ] || words="$words, stopped after its $limit s"
        echo "FAIL $name ($words, exit $status)"
        echo "    ---- the last lines of $log"
        tail -n $FAIL_TAIL_LINES "$log" | sed 's/^/    /'
    elif [ "$ok" -eq 0 ]; then
        echo "SKIP $name: $(grep -v '^\[' "$log" | tail -n 1 | sed 's/^SKIP[: ]*//')"
    else
        echo "ok $name ($words)"
        sed -n 's/^SKIP /    SKIP /p; s/^\[  SKIPPED \] \([a-z0-9_]*\)$/    SKIP \1/p' "$log" | awk '!seen[$0]++'
    fi
}

# ---- lanes: each test in a process of its own, whose lines are printed when it is over

run_test_apart() { # PATH REPORT
    reports=() passed=0 failed=0 skipped=0
    trap stop TERM
    run_test "$1" >"$2" 2>&1
    echo "$passed $failed $skipped" >"$2.sums"
}

start_in_lane() { # PATH
    local report
    report=$log_dir/$(name_of "$1" | tr / -).report
    rm -f "$report.sums"
    run_test_apart "$1" "$report" &
    reports[$!]=$report
}

end_one_in_lane() {
    local pid report sums=(0 1 0)
    wait -n -p pid "${!reports[@]}"
    report=${reports[$pid]}
    unset "reports[$pid]"
    cat "$report"
    read -ra sums <"$report.sums" || echo "FAIL $report: its lane ended"
    passed=$((passed + sums[0])) failed=$((failed + sums[1])) skipped=$((skipped + sums[2]))
    rm -f "$report" "$report.sums"
}

run_in_lanes() { # LANES PATH...
    local lanes=$1 path
    for path in "${@:2}"; do
        [ ${#reports[@]} -lt "$lanes" ] || end_one_in_lane
        start_in_lane "$path"
    done
    while [ ${#reports[@]} -gt 0 ]; do
        end_one_in_lane
    done
}

mkdir -p "$log_dir"
[ -w "$log_dir" ] || { echo "$log_dir is not writable by $(id -un): made by another user? sudo make clean" >&2; exit 1; }
lock_if_shared "$@"
beside=() alone=()
for path; do
    if wants_to_be_alone "$path"; then alone+=("$path"); else beside+=("$path"); fi
done
if [ "${LANES:-1}" -gt 1 ]; then
    run_in_lanes "$LANES" "${beside[@]}"
    set -- "${alone[@]}"
fi
for path; do
    run_test "$path"
done
tally="$passed passed, $failed failed"
[ $skipped -eq 0 ] || tally="$tally, $skipped skipped"
echo "$tally"
[ $failed -eq 0 ]
