#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares session records with the books that client and server kept (tests/e2e/traffic.h states their form).

Every connection must have exactly one record; the k-th use of a pair of sockets goes with its k-th record by time.
Prints the first 20 differences and exits 1 when there is any.
"""
import argparse
import collections
import ipaddress
import json
import sys

SHOWN_MAX = 20
CLOSE = {
    "fin_client": ("fin", "client"),
    "fin_server": ("fin", "server"),
    "rst_client": ("rst", "client"),
    "rst_server": ("rst", "server"),
    "refused": ("rst", "server"),
}
Line = collections.namedtuple("Line", "up down how start dgrams_up dgrams_down")


class Differences:
    def __init__(self):
        self.count = 0

    def add(self, key, text):
        self.count += 1
        if self.count <= SHOWN_MAX:
            print("difference: %s:%s > %s:%s: %s" % (*key, text))

    def expect(self, key, what, expected, actual):
        if expected != actual:
            self.add(key, "%s: expected %s, got %s" % (what, expected, actual))


def ip(text):
    return str(ipaddress.ip_address(text))


def read_log(path):
    uses = collections.defaultdict(list)
    with open(path) as log:
        for text in log:
            word = text.split()
            dgrams = [int(w) for w in word[9:11]] or [0, 0]
            key = (ip(word[0]), int(word[1]), ip(word[2]), int(word[3]))
            uses[key].append(Line(int(word[4]), int(word[5]), word[6], float(word[7]), *dgrams))
    for lines in uses.values():
        lines.sort(key=lambda line: line.start)
    return uses


def read_records(path, kind):
    uses = collections.defaultdict(list)
    seen_ids = {}
    with open(path) as records:
        for text in records:
            record = json.loads(text)
            if record["@type"] != kind:
                continue
            seen_ids[record["@id"]] = record  # a later update of the same session replaces the former
    for record in seen_ids.values():
        src, dst = record["src"], record["dst"]
        uses[(ip(src["ip"]), src["port"], ip(dst["ip"]), dst["port"])].append(record)
    for records in uses.values():
        records.sort(key=lambda record: record["first"])
    return uses


def payload_once(record, direction):
    """Payload bytes of a direction without what was sent again."""
    quality = record.get("tcp", {}).get("quality_fwd" if direction == "out" else "quality_rev", {})
    return record[direction]["payload"] - quality.get("retransmit_bytes", 0)


def compare_tcp(diff, key, line, record):
    reason, by = CLOSE.get(line.how, ("?", "?"))
    close = record.get("close", {})
    diff.expect(key, "state", "CLOSED", record["state"])
    diff.expect(key, "close.reason", reason, close.get("reason"))
    diff.expect(key, "close.by", by, close.get("by"))
    diff.expect(key, "missedSyn", False, record.get("missedSyn", False))
    diff.expect(key, "tcp.connected", line.how != "refused", record["tcp"].get("connected"))
    diff.expect(key, "out.payload", line.up, payload_once(record, "out"))
    if line.how == "rst_client":  # what the client had not read when it reset
        if payload_once(record, "in") < line.down:
            diff.add(key, "in.payload: at least %d, got %d" % (line.down, payload_once(record, "in")))
    else:
        diff.expect(key, "in.payload", line.down, payload_once(record, "in"))


def compare_udp(diff, key, line, record):
    diff.expect(key, "out.payload", line.up, record["out"]["payload"])
    diff.expect(key, "in.payload", line.down, record["in"]["payload"])
    diff.expect(key, "packetsCount", line.dgrams_up + line.dgrams_down, record["packetsCount"])


def compare_client_server(diff, client, server):
    for key, lines in client.items():
        lines = [line for line in lines if line.how != "refused"]
        served = server.get(key, [])
        diff.expect(key, "connections by the server's book", len(lines), len(served))
        for one, other in zip(lines, served):
            if one.how == "rst_client":
                one = one._replace(down=other.down)
            diff.expect(key, "the server's book", one[:3], other[:3])
    for key in server.keys() - client.keys():
        diff.add(key, "only the server knows this connection")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--records", required=True)
    args.add_argument("--client", required=True, help="log of the client")
    args.add_argument("--server", help="log of the server")
    args.add_argument("--udp", action="store_true", help="compare UdpSession records")
    args.add_argument("--packets", type=int, help="packets that all records together must have")
    args = args.parse_args()

    diff = Differences()
    client = read_log(args.client)
    records = read_records(args.records, "UdpSession" if args.udp else "TcpSession")
    compare = compare_udp if args.udp else compare_tcp
    if args.server:
        compare_client_server(diff, client, read_log(args.server))
    for key, lines in client.items():
        found = records.get(key, [])
        diff.expect(key, "records", len(lines), len(found))
        for line, record in zip(lines, found):
            compare(diff, key, line, record)
    for key in records.keys() - client.keys():
        diff.add(key, "a record of a connection that nobody made")
    if args.packets is not None:
        with open(args.records) as lines:
            total = sum(json.loads(line)["packetsCount"] for line in lines)
        diff.expect(("all", 0, "all", 0), "packets of all records", args.packets, total)
    connections = sum(len(lines) for lines in client.values())
    reused = connections - len(client)
    print("compared %d connections (%d on sockets used before) with %d records: %d differences" %
          (connections, reused, sum(len(r) for r in records.values()), diff.count))
    return 1 if diff.count or not connections else 0


if __name__ == "__main__":
    sys.exit(main())
