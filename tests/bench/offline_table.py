#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of offline.sh as Markdown tables. usage: offline_table.py CAPTURES RAW"""
import os
import signal
import statistics
import sys

NAMES = {
    "sesstap_read": "sesstap read -o DIR",
    "sesstap_no_app": "sesstap read --no-app -o DIR",
    "sesstap_streams": "sesstap read --streams -o DIR",
    "tcpdump": "tcpdump -w /dev/null",
    "softflowd": "softflowd -d",
    "nfpcapd": "nfpcapd -w DIR",
    "tshark": "tshark -q -z conv,tcp",
    "tcpflow": "tcpflow -o DIR",
}
# What sesstap aims at: its own time as a part of another's, at most.
LIMITS = {
    "short": {"tcpdump": 3, "softflowd": 1, "nfpcapd": 1, "tshark": 0.1, "tcpflow": 0.1},
    "bulk": {"tcpdump": 1.5, "softflowd": 1, "nfpcapd": 1, "tshark": 0.1, "tcpflow": 0.1},
    "short_streams": {"tcpflow": 0.5},
    "bulk_streams": {"tcpflow": 0.5},
}
TITLES = {
    "short": "short HTTP sessions",
    "bulk": "bulk transfers",
    "short_streams": "short HTTP sessions, streams to files",
    "bulk_streams": "bulk transfers, streams to files",
}
MEMORY_LIMIT_KB = 256 * 1024


def load(path):
    """Runs by program, in the order met: lists of (wall, cpu, rss, status)."""
    runs = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            name, *figures = line.split()
            runs.setdefault(name, []).append([float(figure) for figure in figures])
    return runs


def median(runs, column):
    return statistics.median(run[column] for run in runs)


def aim(ratio, limit):
    return f"at most {limit:g}: {'met' if ratio <= limit else 'NOT met'}"


def note(runs, name, limit):
    """Whether the aim is met; else whether it would be without looking into payload."""
    ours = list(runs)
    of = runs[name]
    if any(run[3] for run in of):
        return "ended, it took too long" if of[-1][3] in (-signal.SIGALRM, -signal.SIGXCPU) else f"exit status {of[-1][3]:.0f}"
    if not limit:
        return ""
    told = aim(median(runs[ours[0]], 0) / median(of, 0), limit)
    if "sesstap_no_app" in runs and told.endswith("NOT met"):
        ratio = median(runs["sesstap_no_app"], 0) / median(of, 0)
        told += f"; --no-app {ratio:.2f}"
    return told


def table(case, size_bytes, runs):
    ours = next(iter(runs))
    wall, cpu = median(runs[ours], 0), median(runs[ours], 1)
    print(f"| {TITLES[case]}, {size_bytes / 1e6:.0f} MB | wall, s | lowest | CPU, s | RSS, MB "
          "| sesstap / it, wall | CPU | aim, wall |")
    print("|---|---|---|---|---|---|---|---|")
    for name, of in runs.items():
        ratio, cpu_ratio = wall / median(of, 0), cpu / median(of, 1)
        print(f"| {NAMES[name]} | {median(of, 0):.2f} | {min(run[0] for run in of):.2f} | {median(of, 1):.2f} "
              f"| {median(of, 2) / 1024:.0f} | {ratio:.2f} | {cpu_ratio:.2f} "
              f"| {note(runs, name, LIMITS[case].get(name))} |")
    print()


def main():
    captures, raw = sys.argv[1:3]
    with open(f"{raw}/offline_machine.txt", encoding="utf-8") as machine:
        print(machine.read())
    for case in TITLES:
        size = os.path.getsize(f"{captures}/{case.split('_')[0]}.pcap")
        table(case, size, load(f"{raw}/offline_{case}.txt"))
    (of,) = load(f"{raw}/offline_memory.txt").values()
    rss_kb = max(run[2] for run in of)
    size = os.path.getsize(f"{captures}/large.pcap")
    print(f"A capture of {size / 1e9:.2f} GB is read in {rss_kb / 1024:.0f} MB of memory (peak RSS; "
          f"less than 256 MB: {'met' if rss_kb < MEMORY_LIMIT_KB else 'NOT met'}).")


if __name__ == "__main__":
    main()
