#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: interfaces that come and go leave nothing behind: CYCLES of them (200; by environment any number) are attached and
# detached, and namespaces are let go, with as many descriptors open as before. Beyond 4095 cycles a slot or an entry of the map
# that was not given back would be missed; beyond 8500 no memory may be added, as all that is remembered of the removed (4096 names,
# 8192 containers) has been filled by then.
# alone: it looks into all namespaces, and counts descriptors.
. "$(dirname "$0")/lib.sh"
need_root
need jq

CYCLES=${CYCLES:-200}
AT_ONCE=50
CY=c$$ # no other test's: all namespaces are looked at
SPACES=$((CYCLES / 40))

links_held() { # how many BPF links sesstap has
    find "/proc/$SESSTAP_REAL/fd" -lname '*bpf_link*' 2>/dev/null | wc -l
}

descriptors() {
    find "/proc/$SESSTAP_REAL/fd" -type l 2>/dev/null | wc -l
}

wait_for() { # COMMAND NUMBER: until it prints that, at most 10 s
    local i
    for ((i = 0; i < 500; i++)); do
        [ "$($1)" != "$2" ] || return 0
        sleep 0.02
    done
    fail "$1 is $($1) instead of $2"
    return 1
}

rss_kb() {
    awk '/^VmRSS/ { print $2 }' "/proc/$SESSTAP_REAL/status"
}

# Numbers above 65535 go into the map of 4096 entries, not into the array.
round() { # NUMBER: AT_ONCE pairs
    local i first=$((70000 + $1 * AT_ONCE))
    for ((i = 0; i < AT_ONCE; i++)); do
        echo "link add $CY-$i index $((first + i)) group 77 type veth peer name p$CY-$i"
    done | ip -n "$NS_A" -batch - || return 1
    wait_for links_held $((HELD + 2 * AT_ONCE)) || return 1
    ip -n "$NS_A" link del group 77
    wait_for links_held "$HELD"
}

ns_pair
start_sesstap -i "$IF_A" -i "$CY*" -o "$OUT"
SESSTAP_REAL=$SESSTAP_PID
HELD=$(links_held)
assert_eq "links of one interface" 2 "$HELD"
round 0
before=$(descriptors) middle=0
for ((n = 1; n * AT_ONCE < CYCLES; n++)); do
    round $n || break
    [ $((n * AT_ONCE)) -lt 8500 ] || [ "$middle" -gt 0 ] || middle=$(rss_kb)
done
assert_eq "rounds" $(((CYCLES + AT_ONCE - 1) / AT_ONCE)) $n
assert_eq "descriptors after $CYCLES cycles" "$before" "$(descriptors)"
echo "resident: $middle KB, then $(rss_kb) KB"
if [ "$CYCLES" -ge 10000 ]; then
    assert_true "no more memory after 8500" test "$(rss_kb)" -le $((middle + 256))
fi
assert_true "pings at the one that stayed" in_b ping -q -c 2 -i 0.2 "$A4"
stop_sesstap
assert_eq "exit status" 0 $?
totals
assert_eq "the pings" 4 "$(record_sum 'select(.["@type"] == "IcmpSession" and .dst.ip == "10.77.0.1") | .packetsCount')"
assert_eq "complaints" "" "$(grep -i 'cannot\|more than' "$SESSTAP_ERR")"

# ---- namespaces

OUT=$WORK/spaces
start_sesstap -i "$CY*" --netns all -o "$OUT"
SESSTAP_REAL=$SESSTAP_PID
HELD=0
for ((n = 0; n < SPACES; n++)); do
    ip netns add "sst-$$-cy" && on_exit ip netns del "sst-$$-cy"
    ip -n "sst-$$-cy" link add "$CY-0" type veth peer name "p$CY-0"
    wait_for links_held 2 || break
    ip netns del "sst-$$-cy"
    wait_for links_held 0 || break
done
assert_eq "rounds of a namespace" "$SPACES" $n
stop_sesstap
assert_eq "exit status" 0 $?
assert_eq "complaints" "" "$(grep -i 'cannot\|more than' "$SESSTAP_ERR")"
finish
