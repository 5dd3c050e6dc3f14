#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the protocols that `sesstap read` names with a reference table, and with ndpiReader of the same library.

usage: corpus_protocols.py SESSTAP FOLDER
FOLDER holds captures and expected.tsv (capture, l4, a, a_port, b, b_port, protocol, host), made by nDPI 4.12. The library
may be older and know less, so that rate is only held to a floor; but what ndpiReader of the same version says of a
flow must be what the record says, or the difference is explained here. Prints a line a miss; exits with 1.
"""
import collections
import csv
import json
import os
import re
import subprocess
import sys

FLOOR_ALIKE = 250  # of the 470 flows, with nDPI 4.2: the others are protocols that came later, or got another name
KNOWN_L4 = {"TCP", "UDP", "ICMP", "ICMPV6", "SCTP"}  # others have no session

# (capture, what ndpiReader says): why it differs.
EXPLAINED = {
    ("conncheck.pcap", "HTTP.ntop"): "named by a later packet; HTTP is known with the first, and no more are looked at",
    ("custom_rules_same-ip_multiple_ports.pcapng", "TLS"): "a guess by port for a SYN without payload",
    ("dnscrypt_skype_false_positive.pcapng", "DNScrypt"): "80 minutes of silence lie between: three sessions here",
    ("http2.pcapng", "Unknown"): "HTTP/2 without TLS, by its preface: libndpi 4.2 does not know it",
    ("protonvpn.pcap", "TLS.Google"): "a guess by address for a SYN without payload",
    ("quic-fuzz-overflow.pcapng", "QUIC"): "a first fragment whose others never came",
    ("snapchat_call.pcapng", "QUIC.SnapchatCall"): "named by the sizes of many later packets",
    ("tls_1.2_unidirectional_server.pcapng", "TLS.YouTubeUpload"): "named by a later packet, after TLS.Google",
}

ENDS = r"(\[?[0-9a-fA-F:.]+\]?):(\d+)"
FLOW = re.compile(r"\t\d+\t(\w+) " + ENDS + r" <?-> " + ENDS + r" .*?\[proto: [\d.]+/([^\]]+)\]")


def flow_key(l4, ends):
    return (l4, *sorted((ip, int(port or 0)) for ip, port in ends))


def run(*command):
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return out.stdout.decode(errors="replace").splitlines()


def read_records(sesstap, path):
    flows = collections.defaultdict(set)
    for line in run(sesstap, "read", path):
        record = json.loads(line)
        l4 = record["@type"][: -len("Session")].upper()
        ends = [(record[side]["ip"], record[side].get("port")) for side in ("src", "dst")]
        flows[flow_key(l4, ends)].add(record.get("app", {}).get("protocol", "Unknown"))
    return flows


def read_reference(folder):
    rows = collections.defaultdict(list)
    with open(os.path.join(folder, "expected.tsv"), newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["capture"]].append(row)
    return rows


def read_ndpi(path):
    for line in run("ndpiReader", "-i", path, "-v", "2"):
        found = FLOW.match(line)
        if found and found[1] in ("TCP", "UDP", "SCTP"):
            ends = [(found[2].strip("[]"), found[3]), (found[4].strip("[]"), found[5])]
            yield flow_key(found[1], ends), found[6]


def alike(expected, found):
    """The same name, or one is the other's more exact form: TLS and TLS.Microsoft."""
    return expected == found or set(expected.split(".")) <= set(found.split(".")) or set(
        found.split(".")
    ) <= set(expected.split("."))


def main():
    sesstap, folder = sys.argv[1:]
    with_ndpi = any(os.access(os.path.join(d, "ndpiReader"), os.X_OK) for d in os.environ["PATH"].split(":"))
    total = same = like = of_library = as_library = 0
    wrong = []
    for capture, rows in sorted(read_reference(folder).items()):
        path = os.path.join(folder, capture)
        flows = read_records(sesstap, path)
        for row in rows:
            l4 = row["l4"].upper()
            if l4 not in KNOWN_L4:
                continue
            key = flow_key("ICMP" if l4 == "ICMPV6" else l4, [(row["a"], row["a_port"]), (row["b"], row["b_port"])])
            total += 1
            same += row["protocol"] in flows[key]
            if any(alike(row["protocol"], name) for name in flows[key]):
                like += 1
            else:
                print(f"not as the reference: {capture}: {row['protocol']}, here {sorted(flows[key])}")
        for key, name in read_ndpi(path) if with_ndpi else ():
            of_library += 1
            if name in flows[key]:
                as_library += 1
            elif (capture, name) in EXPLAINED:
                print(f"explained: {capture}: {name}, here {sorted(flows[key])}: {EXPLAINED[capture, name]}")
            else:
                wrong.append(f"{capture}: {key}: ndpiReader says {name}, the record {sorted(flows[key])}")
    for line in wrong:
        print(line)
    print(f"reference: {total} flows, {same} named the same, {like} alike")
    print(f"ndpiReader: {of_library} flows, {as_library} named the same" if with_ndpi else
          "SKIP corpus_protocols ndpiReader: it is not there; scripts/deps.sh test installs it")
    sys.exit(1 if wrong or like < FLOOR_ALIKE else 0)


if __name__ == "__main__":
    main()
