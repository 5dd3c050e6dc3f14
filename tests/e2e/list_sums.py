# SPDX-License-Identifier: Apache-2.0
"""list and stats against the records of read: usage: list_sums.py SESSTAP WORK CORPUS STEP.

Of the corpus's many small captures of single protocols every STEPth is taken.
"""
import json
import os
import shutil
import struct
import subprocess
import sys

SESSTAP, WORK, CORPUS = sys.argv[1:4]
PROTOCOLS_STEP = int(sys.argv[4])
SESSIONS = 2000
INDEX_STEP = 6
WAYS = {"conversation": ("a_to_b", "b_to_a"), "host": ("sent", "received"),
        "service": ("out", "in"), "protocol": ("out", "in")}
failures = []


def run(*arguments):
    done = subprocess.run([SESSTAP, *arguments], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def expect(what, want, got):
    if want != got:
        failures.append(f"{what}: {str(got)[:200]} in place of {str(want)[:200]}")


def lines(*arguments):
    return run(*arguments)[1].splitlines()


def records(*arguments):
    return [json.loads(line) for line in lines(*arguments)]


def make_capture(path):
    """A session that stays open all the time, and SESSIONS short ones: n sends n % 50 bytes and gets 100."""
    def packet(out, when, src, dst, ports, seq, ack, flags, payload=b""):
        tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 1000, 0, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, src, dst)
        frame = bytes(12) + b"\x08\0" + ip + tcp + payload
        out.write(struct.pack("<IIII", when // 10**6, when % 10**6, len(frame), len(frame)) + frame)

    server, start = bytes([10, 0, 0, 1]), 1_700_000_000_000_000
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        packet(out, start, bytes([192, 168, 0, 1]), server, (999, 80), 0, 0, 2)
        for n in range(SESSIONS):
            client, there, back = bytes([11, 0, 0, n % 5]), (1024 + n, 80), (80, 1024 + n)
            when, end = start + n * 50, 2 + n % 50
            packet(out, when, client, server, there, 1, 0, 2)
            packet(out, when + 5, server, client, back, 100, 2, 18)
            packet(out, when + 9, client, server, there, 2, 101, 24, b"x" * (n % 50))
            packet(out, when + 12, server, client, back, 101, end, 24, b"y" * 100)
            packet(out, when + 20, client, server, there, end, 201, 17)
            packet(out, when + 25, server, client, back, 201, end + 1, 17)
            packet(out, when + 30, client, server, there, end + 1, 202, 16)


def check_made():
    path = os.path.join(WORK, "made.pcap")
    make_capture(path)
    table = lines("list", "--no-app", path)
    expect("rows", SESSIONS + 2, len(table))
    expect("streams in order", [f"tcp:{n}" for n in range(SESSIONS + 1)],
           [row.split()[0] for row in table[1:]])
    expect("one row", "tcp:7 2023-11-14T22:13:20.000Z 30us 11.0.0.1:1030 10.0.0.1:80 CLOSED fin client 7 6 100 0/0 11us",
           " ".join(table[8].split()))
    expect("--where", 40, len(lines("list", "--where", "out.payload > 48", path)) - 1)
    expect("--where of two", ["tcp:7", "tcp:11"],
           [row.split()[0] for row in
            lines("list", "--where", "src.port == 1030 or src.port == 1034", path)[1:]])
    expect("--where by network", 400, len(records("list", "--json", "--where", "src.ip in 11.0.0.4/32", path)))
    expect("-f", 1, len(lines("list", "-f", "port 1030", path)) - 1)
    expect("--where and --sort", ["tcp:50", "tcp:100"],
           [row.split()[0] for row in lines("list", "--where", "tcp.connected", "--sort", "-out.payload", path)[1:3]])
    rows = json.loads(run("stats", "--by", "host", "--json", path)[1])["rows"]
    expect("hosts", {"10.0.0.1": (0, SESSIONS + 1), "192.168.0.1": (1, 0),
                     **{f"11.0.0.{k}": (SESSIONS // 5, 0) for k in range(5)}},
           {row["host"]: (row["as_client"], row["as_server"]) for row in rows})
    for words, status in ((["list", path, "--where", "paylod > 3"], 2), (["list", path, "--sort", "nothing"], 2),
                          (["list"], 2), (["list", path + ".gone"], 1), (["stats", path], 2),
                          (["stats", path, "--by", "x"], 2), (["list", "-f", "tcp port", path], 2)):
        expect(" ".join(words), (status, ""), run(*words)[:2])
    return path


def expect_records(what, want, got):
    expect(what, [record["@id"] for record in want], [record["@id"] for record in got])
    for one, other in zip(want, got):
        fields = sorted(key for key in {**one, **other} if one.get(key) != other.get(key))
        expect(f"{what}: {one['@id']}: fields that differ", [], fields)


def check_index(path):
    """The same again from an index, of a copy by the same name: that is part of a record."""
    copy = os.path.join(WORK, "indexed", os.path.basename(path))
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(path, copy)
    read = records("read", copy)
    status, _, said = run("index", copy)
    if status not in (0, 3) or not os.path.exists(copy + ".stidx"):
        failures.append(f"{copy}: no index: {said[:200]}")
    expect_records(f"{copy}: list from an index", read, records("list", "--json", copy))
    expect_records(f"{copy}: list, not from it", read, records("list", "--json", "--no-index", copy))
    expect_records(f"{copy}: read beside an index", read, records("read", copy))


def check_capture(path):
    read = records("read", path)
    name = os.path.basename(path)
    listed = records("list", "--json", path)
    expect_records(f"{name}: records of list", read, listed)
    expect(f"{name}: rows", len(read) + 1 if read else 0, len(lines("list", path)))
    expect(f"{name}: --sort", sorted((record["in"]["payload"] for record in read), reverse=True),
           [record["in"]["payload"] for record in records("list", "--json", "--sort", "-in.payload", path)])
    for by, ways in WAYS.items():
        sums = json.loads(run("stats", "--by", by, "--json", path)[1])
        times = 2 if by == "host" else 1
        for key in ("packets", "payload", "wire", "retransmits"):
            for way in ways:
                expect(f"{name}: {by} {way} {key}", sums["total"][way][key],
                       sum(row[way][key] for row in sums["rows"]))
        total = {key: sum(sums["total"][way][key] for way in ways) for key in ("packets", "payload")}
        expect(f"{name}: {by}, packets", times * sum(record["packetsCount"] for record in read), total["packets"])
        expect(f"{name}: {by}, payload",
               times * sum(record[way]["payload"] for record in read for way in ("out", "in")), total["payload"])


def captures_of_corpus():
    of_protocols = 0
    for folder, _, names in sorted(os.walk(CORPUS)):
        for name in sorted(names):
            if not name.endswith((".pcap", ".pcapng", ".cap", ".pcap.gz")):
                continue
            if "ndpi-protocols" in folder:
                of_protocols += 1
                if of_protocols % PROTOCOLS_STEP:
                    continue
            yield os.path.join(folder, name)


def main():
    made = check_made()
    check_capture(made)
    check_index(made)
    captures = 1
    for path in captures_of_corpus():
        check_capture(path)
        if captures % INDEX_STEP == 0 and not path.endswith(".gz"):
            check_index(path)
        captures += 1
    for failure in failures:
        print("FAIL", failure)
    print(f"list_sums: {captures} captures, {len(failures)} differences")
    return 1 if failures else 0


sys.exit(main())
