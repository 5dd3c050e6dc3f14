#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows: --pin and --netns together. Killed and begun again, with the namespaces named in another order, sesstap goes on with the
# sessions of each: the same addresses, ports and ifindex in two stay two sessions, what passed in between is counted, and a
# pair's session stays one. What is gone by then is let go, and nothing stays at the end. By TCX and clsact.
. "$(dirname "$0")/lib.sh"
need_root
need jq python3 tc

NAMES=np$$
PIN=$WORK/bpf/pin
ns_pair
ns_alike "$NAMES" "sst-$$-p"
ns_alike "$NAMES" "sst-$$-r"
ns_alike "$NAMES" "sst-$$-gone"
mkdir "$WORK/bpf"
mount -t bpf bpf "$WORK/bpf" || die "cannot mount a BPF file system"
on_exit umount "$WORK/bpf"
spawn_server "$NS_A" server server --addr "$A4" --port 80
sleep 1

track() { # NAMESPACE...: in that order
    local paths=() name
    for name; do
        paths+=(--netns "/run/netns/$name")
    done
    start_sesstap -i "$IF_A" -i "$IF_B" -i "$NAMES" -o "$OUT" --pin "$PIN" --interval 0.5 "${paths[@]}"
}

fetch() { # COUNT
    in_b "$TRAFFIC" client --addr "$A4" --port 80 --count "$1" --path /300 --log "$WORK/log" || fail "client"
}

udp() { # NETNS: packets and interfaces of its datagrams, of each session's last record
    jq -r --arg ns "$1" 'select(.close != null and .["@type"] == "UdpSession" and .src.port == 5000 and .host.netns == $ns) |
        [.out.packets, (.link.interfaces | join(","))] | join(" ")' "$OUT/sessions.ndjson"
}

goes_on() { # NAME GONE: killed, and gone on with; namespace GONE goes in between
    OUT=$WORK/$1
    track "$NS_B" "sst-$$-$2" "sst-$$-p" "sst-$$-r"
    say "sst-$$-p" 3
    say "sst-$$-r" 5
    say "sst-$$-$2" 2
    fetch 10
    sleep 0.7
    stop_sesstap KILL
    say "sst-$$-p" 10
    say "sst-$$-r" 20
    fetch 10
    ns_del "sst-$$-$2"
    ns_del "sst-$$-$2-end"
    track "sst-$$-r" "sst-$$-p" "$NS_B"
    say "sst-$$-p" 100
    say "sst-$$-r" 200
    fetch 10
    sleep 0.7
    stop_sesstap KILL
    say "sst-$$-p" 1000
    launch_sesstap -i "$IF_A" -i "$IF_B" -i "$NAMES" -o "$OUT" --pin "$PIN" --unpin --netns "/run/netns/$NS_B" \
        --netns "/run/netns/sst-$$-p" --netns "/run/netns/sst-$$-r"
    wait "$SESSTAP_PID"
    assert_eq "$1: exit status" 0 $?
    totals
    assert_eq "$1: packets of all records" "$TRACKED" "$(jq -n '[inputs | select(.close != null) | .packetsCount] | add' "$OUT/sessions.ndjson")"
    assert_eq "$1: datagrams of one" "1113 sst-$$-p/$NAMES" "$(udp "sst-$$-p")"
    assert_eq "$1: and of the other" "225 sst-$$-r/$NAMES" "$(udp "sst-$$-r")"
    assert_eq "$1: and of the one that went" "2 sst-$$-$2/$NAMES" "$(jq -r --arg path "sst-$$-$2/$NAMES" \
        'select(.close != null and .src.port == 5000 and .link.interfaces == [$path]) | "\(.out.packets) \($path)"' "$OUT/sessions.ndjson")"
    assert_eq "$1: sessions of the pair" "30 [\"$NS_B/$IF_B\",\"$IF_A\"]" "$(jq -c 'select(.close != null and .["@type"] == "TcpSession") |
        .link.interfaces' "$OUT/sessions.ndjson" | sort | uniq -c | awk '{ print $1, $2 }')"
    assert_true "$1: nothing is kept" test ! -e "$PIN"
    assert_eq "$1: qdiscs at the end" 0 "$(for ns in "$NS_A" "$NS_B" "sst-$$-p" "sst-$$-r"; do in_ns "$ns" tc qdisc show; done | grep -c clsact)"
}
goes_on default gone
ns_alike "$NAMES" "sst-$$-left"
sleep 0.5
SESSTAP_TC=clsact goes_on clsact left

# ---- namespaces that are not asked for any more

OUT=$WORK/fewer
track "$NS_B" "sst-$$-p"
say "sst-$$-p" 3
stop_sesstap
track "$NS_B"
assert_eq "an interface that is not wanted any more is left alone" 0 "$(in_ns "sst-$$-p" bpftool net show 2>/dev/null | grep -c sesstap)"
assert_eq "one program table for the namespaces is kept" 1 "$(find "$PIN/maps" -name 'entries-*' | wc -l)"
say "sst-$$-p" 7
stop_sesstap
launch_sesstap -o "$OUT" --pin "$PIN" --unpin
wait "$SESSTAP_PID"
assert_eq "fewer: exit status" 0 $?
assert_eq "fewer: datagrams while it was tracked" "3" "$(jq -r 'select(.close != null and .src.port == 5000) | .out.packets' "$OUT/sessions.ndjson")"
finish
