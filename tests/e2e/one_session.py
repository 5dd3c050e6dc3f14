#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a small pcapng and checks follow, show and extract on it. usage: one_session.py SESSTAP WORK; a line a case."""
import json
import os
import pty
import struct
import subprocess
import sys

SESSTAP, WORK = sys.argv[1:]
A, B, D = (10, 0, 0, 1), (10, 0, 0, 2), (10, 0, 0, 9)
SYN, FIN, PSH, ACK = 2, 1, 8, 16
ETHERNET, RAW = 1, 101
RANDOM = b"\xab" * 32
HELLO = bytes([22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3]) + RANDOM + b"\0" * 20
KEY_LOG = b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" 11\nCLIENT_RANDOM " + b"cd" * 32 + b" 22\n"
failed = False


def ip(src, dst, proto, payload, ident, offset=0, more=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, more << 13 | offset // 8, 64, proto, 0,
                       bytes(src), bytes(dst)) + payload


def ether(packet):
    return b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + packet


def udp(data):
    return struct.pack(">HHHH", 5000, 53, 8 + len(data), 0) + data


def tcp(from_client, seq, ack, flags, data=b""):
    ends, ports = ((A, B), (40000, 443)) if from_client else ((B, A), (443, 40000))
    head = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 1000, 0, 0)
    return ether(ip(*ends, 6, head + data, 9))


def tcp_session():
    end = 101 + len(HELLO)
    return [tcp(True, 100, 0, SYN), tcp(False, 500, 101, SYN | ACK), tcp(True, 101, 501, PSH | ACK, HELLO),
            tcp(False, 501, end, PSH | ACK, b"x" * 10), tcp(False, 521, end, PSH | ACK, b"after"),
            tcp(True, end, 526, FIN | ACK), tcp(False, 526, end + 1, FIN | ACK), tcp(True, end + 1, 527, ACK)]


def fragments():
    datagram = udp(bytes(range(256)) * 12)
    return [ether(ip(A, B, 17, datagram[i:i + 1480], 77, i, int(i + 1480 < len(datagram))))
            for i in range(0, len(datagram), 1480)]


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def name_record(address, name):
    record = struct.pack("<HH", 1, 4 + len(name) + 1) + bytes(address) + name + b"\0"
    return record + b"\0" * (-len(record) % 4)


def interface(link):
    return block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HH4sHH", 2, 4, b"eth7", 0, 0))


def packet(number, data, which=0):
    micros = 1700000000000000 + number * 1000
    return block(6, struct.pack("<IIIII", which, micros >> 32, micros & 0xFFFFFFFF, len(data), len(data)) + data)


def write_input(path, packets):
    """packets: (interface, bytes); interface 0 is Ethernet, 1 raw IP."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + interface(ETHERNET) + interface(RAW)
    out += block(10, struct.pack("<II", 0x544C534B, len(KEY_LOG)) + KEY_LOG)
    out += b"".join(packet(i, data, which) for i, (which, data) in enumerate(packets))
    out += block(4, name_record(B, b"server.example") + name_record(D, b"other.example") + struct.pack("<HH", 0, 0))
    with open(path, "wb") as file:
        file.write(out)


def read_blocks(path):
    with open(path, "rb") as file:
        data = file.read()
    at, found = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        found.append((kind, data[at + 8:at + size - 4]))
        at += size
    return found


def read_packets(path):
    return [body[20:20 + struct.unpack_from("<I", body, 12)[0]] for kind, body in read_blocks(path) if kind == 6]


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    at, found = 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def run(*words):
    done = subprocess.run([SESSTAP, *words], capture_output=True, cwd=WORK)
    return done.returncode, done.stdout, done.stderr.decode()


def case(name, got, expected):
    global failed
    good = got == expected
    failed |= not good
    print(f"{'ok' if good else 'FAIL'} one_session {name}")
    if not good:
        print(f"    expected {expected!r}\n    got      {got!r}")


def in_terminal(*words, **environment):
    """What a command writes to a terminal, its status apart."""
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    done = subprocess.Popen([SESSTAP, *words], stdout=slave, stderr=subprocess.DEVNULL, cwd=WORK, env={**env, **environment})
    os.close(slave)
    out = b""
    try:
        while data := os.read(master, 65536):
            out += data
    except OSError:
        pass
    done.wait()
    os.close(master)
    return out


def check_follow():
    client = "".join(chr(c) if 32 <= c < 127 else "." for c in HELLO)
    text = (f"[client, lot 1, 0.003000 s]\n{client}\n[server, lot 2, 0.004000 s]\nxxxxxxxxxx\n[10 bytes missing]\nafter\n")
    status, out, err = run("follow", "in.pcapng", "0")
    case("follow ascii", (status, out.decode()), (3, text))
    case("follow says what is missing", err.count("10 bytes of the stream are missing"), 1)
    case("follow raw, server", run("follow", "in.pcapng", "tcp:0", "--server", "--format", "raw")[:2], (3, b"x" * 10 + b"after"))
    case("follow raw, client", run("follow", "in.pcapng", "0", "--client", "--format", "raw")[:2], (0, HELLO))
    case("follow hex, server", run("follow", "in.pcapng", "0", "--server", "--format", "hex")[1].decode().splitlines(),
         ["    00000000  78 78 78 78 78 78 78 78  78 78                    |xxxxxxxxxx|", "    [10 bytes missing]",
          "    00000014  61 66 74 65 72                                    |after|"])
    lots = [json.loads(line) for line in run("follow", "in.pcapng", "0", "--format", "json")[1].splitlines()]
    case("follow json", [(lot["n"], lot["direction"], lot["offset"], lot.get("length"), lot.get("missing"), lot.get("text"))
                         for lot in lots],
         [(1, "out", 0, len(HELLO), None, None), (2, "in", 0, 10, None, "x" * 10), (2, "in", 10, None, 10, None),
          (2, "in", 20, 5, None, "after")])
    case("follow a datagram put together", run("follow", "in.pcapng", "udp:1", "--format", "raw")[:2],
         (0, bytes(range(256)) * 12))
    case("follow when nothing was said", run("follow", "quiet.pcapng", "0"),
         (0, b"", "sesstap: quiet.pcapng 0: nothing was sent\n"))
    case("a colour a side on a terminal", in_terminal("follow", "in.pcapng", "0").count(b"\x1b[34m"), 2)
    case("NO_COLOR", in_terminal("follow", "in.pcapng", "0", NO_COLOR="1").count(b"\x1b"), 0)
    status, out, err = run("follow", "in.pcapng", "udp:7")
    case("a stream that is not there", (status, out, err),
         (1, b"", "sesstap: error: udp:7: in.pcapng has 2 udp streams, udp:0 to udp:1\n"))
    case("a word that is no stream", run("follow", "in.pcapng", "tcp:x")[:2], (2, b""))


def check_show():
    lines = run("show", "in.pcapng", "0")[1].decode().splitlines()
    ladder = lines[next(i for i, line in enumerate(lines) if line.startswith("packet ")) + 1:]
    case("show: the ladder", [line.split()[:8] for line in ladder[3:6]],
         [["8", "0.004000", "0.001000", "<-", "PA", "1", "64", "10"], ["9", "0.005000", "0.001000", "<-", "PA", "21", "64", "5"],
          ["10", "0.006000", "0.001000", "->", "FA", "64", "26", "0"]])
    shown = json.loads(run("show", "in.pcapng", "0", "--json")[1])
    case("show --json: a record and its ladder",
         (shown["close"], [(row["packet"], row["seq"], row["length"]) for row in shown["ladder"]]),
         ({"reason": "fin", "by": "client"},
          [(4, 0, 0), (6, 0, 0), (7, 1, 63), (8, 1, 10), (9, 21, 5), (10, 64, 0), (11, 26, 0), (12, 65, 0)]))
    by_id = json.loads(run("show", "in.pcapng", shown["@id"], "--json")[1])
    case("a session by its @id", by_id["streamIndex"], 0)
    widest = max(len(line) for line in in_terminal("show", "in.pcapng", "0", NO_COLOR="1").decode().splitlines()[5:])
    case("show: lines fit 80 columns", widest <= 80, True)
    return shown["@id"]


def check_read(session_id):
    """read --pcapng takes along what extract does: names and secrets of each session."""
    case("read --pcapng: status", run("read", "in.pcapng", "--no-index", "-o", "all", "--pcapng")[0], 0)
    with open(f"{WORK}/all/sessions.ndjson") as lines:
        number = next(r["name"].split(".")[0] for r in map(json.loads, lines) if r["@id"] == session_id)
    blocks = read_blocks(f"{WORK}/all/pcap/{number}.pcapng")
    case("read --pcapng: packets byte for byte", read_packets(f"{WORK}/all/pcap/{number}.pcapng"), tcp_session())
    case("read --pcapng: only its secrets", [body[8:].rstrip(b"\0") for kind, body in blocks if kind == 10],
         [KEY_LOG.split(b"\n")[0] + b"\n"])
    names = b"".join(body for kind, body in blocks if kind == 4)
    case("read --pcapng: only its names", (b"server.example" in names, b"other.example" in names), (True, False))


def check_extract(session_id):
    pieces, session = fragments(), tcp_session()
    status, out, err = run("extract", "in.pcapng", "udp:1", "-w", "udp.pcap")
    case("extract: all fragments, in the order of the input", (status, out, read_pcap(f"{WORK}/udp.pcap")),
         (0, b"", [pieces[1], pieces[2], pieces[0]]))
    case("extract says how many", err, "sesstap: 3 packets of 1 session written to udp.pcap\n")
    case("extract: status", run("extract", "in.pcapng", session_id, "-w", "tcp.pcapng")[0], 0)
    case("extract: packets byte for byte", read_packets(f"{WORK}/tcp.pcapng"), session)
    blocks = read_blocks(f"{WORK}/tcp.pcapng")
    comments = [i for i, (_, body) in enumerate(b for b in blocks if b[0] == 6) if session_id.encode() in body]
    case("extract: @id on the first packet", comments, [0])
    case("extract: only its secrets", [body[8:].rstrip(b"\0") for kind, body in blocks if kind == 10], [KEY_LOG.split(b"\n")[0] + b"\n"])
    case("extract: secrets before packets", [kind for kind, _ in blocks if kind in (6, 10)][0], 10)
    names = b"".join(body for kind, body in blocks if kind == 4)
    case("extract: only its names", (b"server.example" in names, b"other.example" in names), (True, False))
    run("extract", "in.pcapng", "0", "udp:0", "udp:1", "-w", "all.pcapng")
    case("extract: several sessions are all of the input", read_packets(f"{WORK}/all.pcapng"), read_packets(f"{WORK}/in.pcapng"))
    case("extract: comments, one a session", sum(b".in.pcapng." in body for kind, body in read_blocks(f"{WORK}/all.pcapng") if kind == 6), 3)


def refused(*words):
    """Status, lines on stderr, and whether there is a file."""
    status, _, err = run("extract", *words)
    return status, err.count("\n"), os.path.exists(f"{WORK}/{words[-1]}")


def check_extract_refusals():
    with open(f"{WORK}/in.pcapng", "rb") as file:
        before = file.read()
    case("extract: a stream is not there", refused("in.pcapng", "0", "udp:9", "-w", "no.pcap"), (1, 1, False))
    case("extract: an unknown kind of file", refused("in.pcapng", "0", "-w", "no.txt"), (2, 1, False))
    case("extract: no output", run("extract", "in.pcapng", "0")[0], 2)
    case("extract: several link types in pcap", refused("two.pcapng", "udp:0", "-w", "two.pcap"), (1, 1, False))
    run("extract", "two.pcapng", "udp:0", "-w", "two-out.pcapng")
    case("extract: several link types in pcapng", len(read_packets(f"{WORK}/two-out.pcapng")), 2)
    os.link(f"{WORK}/in.pcapng", f"{WORK}/same.pcapng")
    case("extract: onto its input", run("extract", "in.pcapng", "0", "-w", "same.pcapng")[0], 1)
    with open(f"{WORK}/in.pcapng", "rb") as file:
        case("extract: the input stays", file.read() == before, True)


def check_loopback():
    """Link type 0 is a type like others."""
    data = struct.pack("<I", 2) + ip(A, D, 17, udp(b"loop"), 6)
    with open(f"{WORK}/null.pcap", "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 0))
        file.write(struct.pack("<IIII", 1700000000, 5, len(data), len(data)) + data)
    run("extract", "null.pcap", "udp:0", "-w", "loop.pcap")
    run("read", "--pcap", "-o", "null", "null.pcap")
    for name, path in (("extract", "loop.pcap"), ("read --pcap", "null/pcap/1.pcap")):
        with open(f"{WORK}/{path}", "rb") as file:
            case(f"{name}: BSD loopback", (struct.unpack_from("<I", file.read(), 20)[0], read_pcap(f"{WORK}/{path}")), (0, [data]))


def check_many_transactions():
    """A connection with more transactions of HTTP than are kept: said, and exit status 3."""
    client, server, packets = 101, 501, [tcp(True, 100, 0, SYN), tcp(False, 500, 101, SYN | ACK), tcp(True, 101, 501, ACK)]
    for number in range(10500):
        asked, told = b"GET /%d HTTP/1.1\r\n\r\n" % number, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        packets += [tcp(True, client, server, PSH | ACK, asked), tcp(False, server, client + len(asked), PSH | ACK, told)]
        client, server = client + len(asked), server + len(told)
    write_input(f"{WORK}/many.pcapng", [(0, data) for data in packets])
    for name, words in (("follow", ["many.pcapng", "0", "--http"]), ("extract", ["many.pcapng", "--objects", "many", "--type", "no/ne"])):
        status, _, said = run(name, *words)
        case(f"{name}: transactions beyond a bound", (status, "transactions of HTTP beyond a bound" in said), (3, True))


session, pieces = tcp_session(), fragments()
other = ether(ip(A, D, 17, udp(b"other"), 5))
write_input(f"{WORK}/in.pcapng", [(0, data) for data in [pieces[1], other, pieces[2], session[0], pieces[0], *session[1:]]])
write_input(f"{WORK}/two.pcapng", [(0, other), (1, ip(A, D, 17, udp(b"raw"), 6))])
write_input(f"{WORK}/quiet.pcapng", [(0, session[0])])
check_follow()
shown_id = check_show()
check_read(shown_id)
check_extract(shown_id)
check_extract_refusals()
check_loopback()
check_many_transactions()
sys.exit(failed)
