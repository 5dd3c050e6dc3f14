#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The figures of a run of run.sh as Markdown tables.
# usage: tests/bench/table.sh DIRECTORY
set -eu
cd "$1"

machine() { sed -n "s/^$1 //p" machine.txt; }

target() { # FIGURE LIMIT UNIT: whether a figure is at most its limit
    awk -v figure="$1" -v limit="$2" -v unit="$3" \
        'BEGIN { printf "at most %s %s: %s", limit, unit, figure <= limit ? "met" : "NOT met" }'
}

packet_row() { # CASE FLOWS LIMIT TEXT
    local empty with over
    read -r empty with over < <(awk -v name="$1" -v flows="$2" '$2 == name && $3 == flows { print $4, $5, $6 }' packet_cost.txt)
    echo "| $4 | $empty | $with | **$over** | ${3:+$(target "$over" "$3" ns)} |"
}

packet_table() {
    echo "| a 128-byte TCP segment, BPF_PROG_TEST_RUN | empty program, ns | sesstap, ns | over, ns | target |"
    echo "|---|---|---|---|---|"
    packet_row in_order 1 110 "in-order data, one session"
    packet_row in_order 65536 260 "in-order data, 64 k sessions in turn"
    packet_row in_order_scattered 65536 '' "in-order data, 64 k sessions, neighbours far apart"
    packet_row filter_port 1 '' "in-order data, one session, -f 'tcp port 80'"
    packet_row filter_long 1 '' "in-order data, one session, -f of five terms, the last matches"
    packet_row beyond_depth 1 '' "in-order data beyond the depth, one session"
    packet_row retransmission 1 '' "the same segment again and again"
    packet_row retransmission_xdp 1 '' "the same by XDP"
    packet_row session 1 '' "each packet of whole sessions of ten, opened and closed"
}

# Medians of each mode and their ratios to untracked.
traffic_table() { # WORK UNIT DECIMALS
    echo "| $1 | median, $2 | lowest | highest | to untracked | target |"
    echo "|---|---|---|---|---|---|"
    awk -v decimals="$3" '
        { list[$2] = list[$2] " " $4; if (!($2 in seen)) { seen[$2] = 1; order[++modes] = $2 } }
        END {
            name["none"] = "untracked"; name["default"] = "sesstap run -o DIR"
            name["records"] = "sesstap run -o DIR --depth none"; name["pcap"] = "sesstap run -o DIR --pcap"
            name["xdp"] = "sesstap run -o DIR --depth none --mode xdp"
            name["tcpdump"] = "tcpdump -s 128 -w /dev/null"
            for (m = 1; m <= modes; m++) {
                n = split(list[order[m]], v, " ")
                for (i = 1; i <= n; i++)
                    for (j = i + 1; j <= n; j++)
                        if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
                median = v[int((n + 1) / 2)]
                if (order[m] == "none") base = median
                ratio = median / base * 100
                verdict = order[m] == "default" ? (ratio >= 95 ? "at least 95 %: met" : "at least 95 %: NOT met") : ""
                printf "| %s | %.*f | %.*f | %.*f | **%.1f %%** | %s |\n", name[order[m]], decimals, median,
                    decimals, v[1], decimals, v[n], ratio, verdict
            }
        }' "$1.txt"
}

# CPU time a request in client, server and tracker together: medians.
cpu_table() {
    echo "| wrk, CPU time a request | median, us | more than untracked |"
    echo "|---|---|---|"
    awk 'function median(text, v, n, i, j, t) {
            n = split(text, v, " ")
            for (i = 1; i <= n; i++)
                for (j = i + 1; j <= n; j++)
                    if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
            return v[int((n + 1) / 2)]
        }
        { list[$2] = list[$2] " " $5; if (!($2 in seen)) { seen[$2] = 1; order[++modes] = $2 } }
        END {
            for (m = 1; m <= modes; m++)
                printf "| %s | %.1f | **%.1f %%** |\n", order[m], median(list[order[m]]),
                    (median(list[order[m]]) / median(list["none"]) - 1) * 100
        }' wrk.txt
}

memory_table() {
    local sessions resident anonymous empty
    read -r sessions resident anonymous empty < <(sed -n 's/^memory //p' memory.txt)
    echo "| memory | |"
    echo "|---|---|"
    echo "| resident, $sessions open sessions | **$((resident / 1024)) MB**, of it anonymous $((anonymous / 1024)) MB; $(target $((resident / 1024)) 64 MB) |"
    echo "| resident, no session yet | $((empty / 1024)) MB |"
    echo "| at start it says | \`$(sed -n 's/^start //p' memory.txt)\` |"
    awk '$1 == "map" && $2 == "flows" { printf "| flow table in the kernel | %s bytes an entry, %d entries: %.0f MB |\n", $4, $3, $5 / 1048576 }
         $1 == "map" && $2 == "spill" { printf "| spill table, empty | %.1f MB |\n", $5 / 1048576 }
         $1 == "map" && $2 == "lifecycle_ring" { printf "| lifecycle ring | %.1f MB |\n", $5 / 1048576 }
         $1 == "map" && $2 == "near_ifaces" { printf "| interfaces by number | %.1f MB |\n", $5 / 1048576 }
         $1 == "map" && $2 == "seen" { printf "| counters by interface and CPU | %.1f MB |\n", $5 / 1048576 }' verifier_cost.txt
}

verifier_table() {
    echo "| program | instructions the verifier looked at (limit 1 000 000) | stack of the functions, bytes |"
    echo "|---|---|---|"
    awk '$1 == "verifier" && /stack depth/ { stack[$2] = $5 }
         $1 == "verifier" && /processed/ { print "| " $2 " | " $4 " | " stack[$2] " |" }' verifier_cost.txt
}

echo "Machine: $(machine model), $(machine cpus) CPUs; kernel $(machine kernel); $(machine clang); load before the run $(machine load); $(machine date)."
echo
packet_table
echo
traffic_table iperf3 Gbit/s 2
echo
traffic_table iperf3-in Gbit/s 2
echo
traffic_table wrk requests/s 0
echo
cpu_table
echo
memory_table
echo
verifier_table
