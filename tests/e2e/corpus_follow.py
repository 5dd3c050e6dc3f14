#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares streams with CORPUS/follow-ref.tsv. usage: corpus_follow.py SESSTAP CORPUS WORK; a line a capture: ok or FAIL.

The references: an independent reassembler where the first bytes win (holes left out), tshark's follow without its gap
markers (holes left out), tcpflow (holes as zero bytes). Streams are matched by their two ends, the k-th with the k-th.
"""
import collections
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys

REFERENCES = {"own_first": "skip", "tshark_nomarker": "skip", "tcpflow": "zero"}
NOTHING = hashlib.sha256(b"").hexdigest()

TRAILER = (
    "the frame has bytes behind the end of its IP packet (Ethernet padding, checksum or trailer), and tcpflow takes "
    "them for payload; the IP header's total length says they are none (RFC 791, RFC 9293 section 3.1)"
)
LENGTH = (
    "its IP total length, damaged, exceeds the whole frame, which was not cut: hosts drop it (ip_rcv), so sesstap "
    "counts it as malformed; tshark and tcpflow take what is there"
)
BUG_76 = "suricata/bug-76/input.pcap"  # made by overwriting random bytes of a capture

# (capture, stream): {(reference, direction): (packets that cause it, sesstap's bytes, sha256 begins, why)}
EXPLAINED = {
    (BUG_76, "0"): {
        ("tshark_nomarker", "s2c"): (
            "43", 3416, "463be39d8c55",
            "1391 bytes before it were not captured, and tshark leaves out the 625 bytes and FIN after them although "
            "they are in the capture; sesstap and the independent reassembler have them behind a hole",
        ),
        ("tcpflow", "s2c"): (
            "3, 29", 4807, None,
            "the SYN-ACK's damaged number lets the stream begin 9 bytes before the end of packet 29; sesstap, tshark and "
            "the independent reassembler take these 9 bytes, tcpflow drops the packet and has zero bytes there",
        ),
    },
    (BUG_76, "1"): {
        ("own_first", "s2c"): (
            "27", 6189, "87f6b9711cc3",
            "its damaged sequence number is 1.3 GB away and leads the reassembler astray; sesstap gives up that "
            "packet and has 14, 30, 32, 41 and 42, which follow on each other's numbers",
        ),
        ("tshark_nomarker", "s2c"): (
            "21", 6189, "87f6b9711cc3",
            "a RST: what it carries is no part of the stream (RFC 9293 section 3.5.2 resets without delivering), tshark "
            "shows its 1391 bytes, else both agree",
        ),
        ("tcpflow", "s2c"): (
            "27, 30", 13144, None,
            "the damaged number of 27 lets tcpflow begin a second and a third stream file (c1, c2); the data is one "
            "connection's, and sesstap has it in one stream with its holes",
        ),
    },
}
for stream, packet in (("2", "8"), ("6", "22")):
    EXPLAINED[BUG_76, stream] = {("session", "none"): (packet, None, None, LENGTH)}
EXPLAINED[BUG_76, "8"] = {
    ("session", "none"): (
        "46", None, None,
        "its TCP header length, damaged, exceeds the segment: sesstap counts it as malformed, tshark lists a stream "
        "without ports or payload",
    )
}


def explain_trailers(*rows):
    for capture, stream, direction, packets, size in rows:
        EXPLAINED.setdefault((capture, stream), {})["tcpflow", direction] = (packets, size, None, TRAILER)


SESSION_7201 = "tcpsession/session-7201/100.1.21.181-7201-200.1.9.163-80-session.pcap"
THREE = "tcpsession/three-sessions/100.1.1.105-and-100.1.21.181-and-100.1.29.36-sessions.pcap"
FAILED = "tcpsession/failed_100.1.48.1-200.1.1.223-invalid-MS/failed_100.1.48.1-200.1.1.223-invalid-MSS-and-SACK-options.pcap"
explain_trailers(
    (SESSION_7201, "0", "c2s", "41", 16383),
    (SESSION_7201, "0", "s2c", "3", 0),
    (THREE, "0", "c2s", "10", 2497),
    (THREE, "0", "s2c", "2", 0),
    (THREE, "1", "c2s", "58", 16383),
    (THREE, "1", "s2c", "14", 0),
    (THREE, "2", "c2s", "59", 600),
    (THREE, "2", "s2c", "41", 0),
    ("tcpsession/simple_test/simple_test.pcap", "0", "c2s", "16", 16383),
    ("tcpsession/simple_test/simple_test.pcap", "0", "s2c", "2", 0),
    (FAILED, "0", "c2s", "1", 0),
    ("zeek/core.vlan-mpls/mixed-vlan-mpls.pcap", "2", "c2s", "46", 9),
    ("zeek/core.vlan-mpls/mixed-vlan-mpls.pcap", "2", "s2c", "47", 3429),
    ("suricata/tcp-5379/input.pcap", "0", "c2s", "1", 60),
    ("suricata/dnp3__dnp3-write/input.pcap", "0", "c2s", "10", 25),
    ("tcpflow/bug5/bug5.pcap", "0", "s2c", "4", 0),
    ("tcpflow/bug5/bug5.pcap", "1", "s2c", "9", 0),
    ("tcpflow/bug5/bug5.pcap", "2", "c2s", "16", 255),
    ("tcpflow/bug5/bug5.pcap", "2", "s2c", "15", 0),
    ("tcpflow/bug5/bug5.pcap", "3", "c2s", "21", 477),
    ("tcpflow/bug5/bug5.pcap", "3", "s2c", "20", 0),
    ("tcpflow/test7-three-flows/test7-three-flows.pcap", "0", "s2c", "5, 7", 0),
    ("tcpflow/test7-three-flows/test7-three-flows.pcap", "1", "s2c", "13, 15", 0),
    ("tcpflow/test7-three-flows/test7-three-flows.pcap", "2", "s2c", "21, 23", 0),
    ("arkime/http-wrapped-header/http-wrapped-header.pcap", "0", "c2s", "11", 3413),
    ("arkime/http-wrapped-header/http-wrapped-header.pcap", "0", "s2c", "12", 706),
    ("ndpi/google_ssl/google_ssl.pcap", "0", "s2c", "27", 3760),
    ("ndpi/ftp-start-tls/ftp-start-tls.pcap", "0", "c2s", "51", 856),
    ("ptcpdump/curl-user_pcapng/curl-user.pcapng", "0", "s2c", "4", 0),
)


def explain_missing(capture, stream, packet, why, **sizes):
    for direction, size in sizes.items():
        EXPLAINED.setdefault((capture, stream), {})["tcpflow", direction] = (packet, size, None, why)


RESET = "tcpsession-synthetic/test_tcp_reset_termination_from_other_side/test_tcp_reset_termination_from_other_side.pcap"
VXLAN = "zeek/core.tunnels.analyzer-confirmation/vxlan-encapsulated-http.pcap"
OVER_IPV6 = "tcpflow reads IPv4 only on a BSD loopback; sesstap, tshark and the independent reassembler read both"
explain_missing(RESET, "0", "5", "payload on the SYN-ACK (RFC 9293 section 3.10.7.4): tcpflow calls it a violation", s2c=19)
explain_missing(VXLAN, "0", "4", "tcpflow does not look inside VXLAN", c2s=87, s2c=9212)
explain_missing("zeek/core.vlan-mpls/mixed-vlan-mpls.pcap", "0", "3", "tcpflow does not look behind MPLS labels", c2s=26)
explain_missing("tcpflow/local/local.pcap", "1", "9", OVER_IPV6, c2s=1093, s2c=1677)
explain_missing("tcpflow/local/local.pcap", "2", "34", OVER_IPV6, c2s=2629, s2c=2541)
explain_missing("ptcpdump/tfo_pcap/tfo.pcap", "0", "4", "link type 276 (LINUX_SLL2): tcpflow knows none", c2s=4308)


def read_file(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def read_streams(sesstap, capture, out, holes):
    """{the two ends: [{end: bytes it sent, "index": streamIndex, "client": end}, ...]}"""
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([sesstap, "read", "-o", out, "--streams", "--holes", holes, capture], capture_output=True)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"read: exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    found = collections.defaultdict(list)
    with open(f"{out}/sessions.ndjson", encoding="utf-8") as records:
        for record in map(json.loads, records):
            if record["proto"] != 6:
                continue
            number, ends = record["name"].split(".")[0], (record["src"]["socket"], record["dst"]["socket"])
            found[frozenset(ends)].append({
                ends[0]: read_file(f"{out}/streams/{number}.client"),
                ends[1]: read_file(f"{out}/streams/{number}.server"),
                "client": ends[0],
                "index": record["streamIndex"],
            })
    return found


def same(data, row, reference, direction):
    # tcpflow makes no file for a direction without data.
    want = row[f"{reference}_{direction}_sha256"] or NOTHING
    return hashlib.sha256(data).hexdigest() == want


def differences(row, streams):
    """Yields (reference, direction, what sesstap has)."""
    if not streams["skip"]:
        yield "session", "none", b""
        return
    for reference, holes in REFERENCES.items():
        for direction, end in (("c2s", "node0(client)"), ("s2c", "node1(server)")):
            data = streams[holes][row[end]]
            if not same(data, row, reference, direction):
                yield reference, direction, data


def check_stream(row, streams, said):
    explained = dict(EXPLAINED.get((row["file"], row["stream"]), {}))
    for reference, direction, data in differences(row, streams):
        why = explained.pop((reference, direction), None)
        digest = hashlib.sha256(data).hexdigest()
        if not why:
            said.append(f"stream {row['stream']} {direction}: {len(data)} bytes, sha256 {digest}, not {reference}'s "
                        f"{row.get(f'{reference}_{direction}_bytes')}")
        elif why[1] not in (None, len(data)) or (why[2] and not digest.startswith(why[2])):
            said.append(f"stream {row['stream']} {direction}: explained ({why[0]}: {why[3]}), but now {len(data)} bytes, {digest}")
    for reference, direction in explained:
        said.append(f"stream {row['stream']} {direction}: no longer differs from {reference}: take it out of the table")


def check_follow(sesstap, capture, streams, said):
    """follow --format raw, a side each, of a capture's first stream."""
    for ends, known in streams.items():
        for stream in known:
            if stream["index"] != 0:
                continue
            for side in ("--client", "--server"):
                others = [end for end in ends if end != stream["client"]] or [stream["client"]]
                want = stream[stream["client"] if side == "--client" else others[0]]
                done = subprocess.run([sesstap, "follow", capture, "tcp:0", "--format", "raw", side], capture_output=True)
                if done.returncode not in (0, 3) or done.stdout != want:
                    said.append(f"follow tcp:0 {side}: {len(done.stdout)} bytes for {len(want)}, status {done.returncode}")


def check_capture(sesstap, corpus, work, name, rows):
    said, found = [], {}
    for holes in ("zero", "skip"):
        found[holes] = read_streams(sesstap, f"{corpus}/{name}", f"{work}/out", holes)
    check_follow(sesstap, f"{corpus}/{name}", found["skip"], said)
    for row in rows:
        ends = frozenset((row["node0(client)"], row["node1(server)"]))
        streams = {holes: found[holes][ends].pop(0) if found[holes][ends] else None for holes in found}
        check_stream(row, streams, said)
    for ends, left in found["skip"].items():
        said.extend(f"stream {stream['index']} of {sorted(ends)}: no reference has it" for stream in left)
    return said


def main():
    sesstap, corpus, work = sys.argv[1:]
    captures, failed = collections.defaultdict(list), 0
    with open(f"{corpus}/follow-ref.tsv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            captures[row["file"]].append(row)
    for name, rows in captures.items():
        try:
            said = check_capture(sesstap, corpus, work, name, rows)
        except (RuntimeError, OSError, KeyError, ValueError) as error:
            said = [repr(error)]
        failed += bool(said)
        print(f"{'FAIL' if said else 'ok'} corpus_follow {name} ({len(rows)} streams)")
        for line in said:
            print(f"    {line}")
    return 1 if failed or not captures else 0


sys.exit(main())
