#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `sesstap doctor` and the command line around it: what is there, what is missing, and the exit status of each.
# alone: it counts the programs that sesstap probes the kernel with, and any sesstap does.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need jq bpftool setpriv unshare script

said() { # FILTER: of the last report
    jq -r "$1" "$WORK/report"
}

status_of() { # COMMAND...: runs it with its output in $WORK/out.txt and $WORK/err.txt
    local status=0
    "$@" >"$WORK/out.txt" 2>"$WORK/err.txt" </dev/null || status=$?
    echo "$status"
}

probes_left() { # how many of its programs are in the kernel; they go a moment after their last user
    local i left
    for ((i = 0; i < 50; i++)); do
        left=$(bpftool -j prog show | jq '[.[] | select(.name == "sesstap_probe")] | length')
        [ "$left" -gt 0 ] || break
        sleep 0.1
    done
    echo "$left"
}

ns_pair
NEEDED='["kernel","BTF","privileges","BPF","JIT","TCX","clsact","XDP","ring buffer","batch lookup","take element","helpers","load","memory","memlock","unprivileged","interfaces"]'

# On this machine, in a namespace with one veth that leads to another.
in_a "$SESSTAP" doctor --json >"$WORK/report"
assert_eq "all is there: exit status" 0 $?
assert_eq "no program that was tried stays" 0 "$(probes_left)"
assert_eq "it says so" true "$(said .can_track)"
assert_eq "every check, in order" "$NEEDED" "$(said '[.checks[].check] | tojson')"
assert_eq "no check is missing or unknown" 0 "$(said '[.checks[] | select(.result == "missing" or .result == "unknown")] | length')"
assert_eq "the veth and where it leads" "veth true true $NS_B" \
    "$(said '.interfaces[] | select(.name == "'"$IF_A"'") | "\(.kind) \(.up) \(.by_default) \(.netns)"')"
assert_eq "lo is for -i only" "null false" "$(said '.interfaces[] | select(.name == "lo") | "\(.kind) \(.by_default)"')"
assert_eq "no qdisc stays" "" "$(in_a tc qdisc show dev lo | grep clsact)"

# The table: no escape sequences in a pipe, colour on a terminal, none with NO_COLOR.
in_a "$SESSTAP" doctor >"$WORK/table"
assert_eq "table: last line" "Sessions can be tracked here: sesstap run" "$(tail -n 1 "$WORK/table")"
assert_eq "pipe: no colour" 0 "$(grep -c $'\033' "$WORK/table")"
script -qec "$SESSTAP doctor" /dev/null >"$WORK/terminal" </dev/null
assert_true "terminal: colour" grep -q $'\033\\[32mok' "$WORK/terminal"
NO_COLOR=1 script -qec "$SESSTAP doctor" /dev/null >"$WORK/terminal" </dev/null
assert_eq "terminal with NO_COLOR: none" 0 "$(grep -c $'\033' "$WORK/terminal")"

# What is taken away is named.
install -m 755 "$SESSTAP" "$WORK/sesstap"
chmod 711 "$WORK"
setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/sesstap" doctor --json >"$WORK/report" 2>"$WORK/err.txt"
assert_eq "no root: exit status" 1 $?
assert_eq "no root: what is missing" privileges "$(said '.checks[] | select(.result == "missing") | .check')"
assert_eq "no root: stderr stays empty" "" "$(cat "$WORK/err.txt")"
setpriv --bounding-set -perfmon,-sys_admin --inh-caps -all --ambient-caps -all "$SESSTAP" doctor --json >"$WORK/report" 2>"$WORK/err.txt"
assert_eq "one capability less: exit status" 1 $?
assert_true "one capability less: it is named" grep -q 'lacks CAP_PERFMON:' "$WORK/report"
# shellcheck disable=SC2016
unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0" doctor --json' "$SESSTAP" >"$WORK/report" 2>/dev/null
assert_eq "no BTF: exit status" 1 $?
assert_true "no BTF: it is named" test "$(said '[.checks[] | select(.result == "missing") | .check][0]')" = BTF
ip netns exec "$NS_B" ip link del "$IF_B"
in_a "$SESSTAP" doctor --json >"$WORK/report"
assert_eq "no container: exit status" 0 $?
assert_eq "no container: it is said" limited "$(said '.checks[] | select(.check == "interfaces") | .result')"

# The command line.
assert_eq "no command: exit status" 2 "$(status_of "$SESSTAP")"
assert_eq "no command: nothing on stdout" "" "$(cat "$WORK/out.txt")"
assert_eq "unknown command: exit status" 2 "$(status_of "$SESSTAP" runn)"
assert_eq "unknown command: one line" "sesstap: no command 'runn'; 'sesstap help' lists them" "$(cat "$WORK/err.txt")"
assert_eq "wrong option: exit status" 2 "$(status_of "$SESSTAP" doctor --json --fast)"
assert_eq "wrong option: one line names it" "sesstap: error: doctor: what is '--fast'? see 'sesstap help doctor'" "$(cat "$WORK/err.txt")"
assert_eq "help: exit status" 0 "$(status_of "$SESSTAP" help)"
assert_eq "help of an unknown command" 2 "$(status_of "$SESSTAP" help runn)"
assert_eq "version: exit status" 0 "$(status_of "$SESSTAP" --version)"
assert_true "version: one line" grep -qE '^sesstap [0-9a-f.v-]+' "$WORK/out.txt"
"$SESSTAP" help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' >"$WORK/commands"
while read -r command; do
    assert_eq "help $command: exit status" 0 "$(status_of "$SESSTAP" help "$command")"
    cp "$WORK/out.txt" "$WORK/help.txt"
    assert_eq "$command --help: exit status" 0 "$(status_of "$SESSTAP" "$command" --help)"
    assert_true "$command --help says the same" cmp -s "$WORK/out.txt" "$WORK/help.txt"
    manual=$ROOT/docs/sesstap-$command.8
    [ "$command" = help ] || assert_eq "$command: long options of its manual, as its help has them" \
        "$(sed -n '/^usage/,/^$/p' "$WORK/help.txt" | grep -oE -- '--[a-z-]+' | sort -u | paste -sd ' ')" \
        "$(sed -n '/^\.Sh SYN/,/^\.Sh DESC/p; /^\.It Fl/p' "$manual" | grep -oE '(Fl|\||,) -[a-z-]+' | sed 's/.* /-/' | sort -u | paste -sd ' ')"
done <"$WORK/commands"
for command in run read doctor help; do
    assert_true "command listed: $command" grep -qx "$command" "$WORK/commands"
done
"$SESSTAP" doctor >/dev/full 2>"$WORK/err.txt"
assert_eq "output that can't be written: exit status" 1 $?
finish
