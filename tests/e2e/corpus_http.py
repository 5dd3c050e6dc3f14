# SPDX-License-Identifier: Apache-2.0
# usage: corpus_http.py SESSTAP CORPUS
# For every capture below CORPUS that has HTTP in it: the requests and responses of each TCP stream as `sesstap read --http`
# lists them, beside those of tshark's dissectors http and http2: method, URI, host, status, SHA-256 of the decoded body.
# A difference is a failure unless EXPLAINED says why it is one, and an explanation that explains nothing is one too.
import collections
import gzip
import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

MARKS = (b"HTTP/1.", b"PRI * HTTP/2", b"\x00\x00\x04\x00\x00\x00\x00\x00")
CAPTURES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".trace")
# What tshark would take for another protocol, or for none, by the port.
DECODE_AS = {"http2.pcapng": "tcp.port==29518,http2", "http_on_sip_port.pcap": "tcp.port==8888,http"}
BODY_CUT = "the capture ends within the body: tshark lists no response, sesstap one that is not complete"
SOCKS = "HTTP behind a SOCKS greeting: sesstap does not look through SOCKS"
LONG_LINE = "a request line of 16 KB that the capture does not end: tshark lists none, sesstap one that is not complete"
SLOW_LINE = "the request comes a letter at a time: tshark does not take it for HTTP"
CONNECT_HOST = "no Host header: sesstap takes the host from CONNECT's address"
# (name of the capture, TCP stream): why it differs.
EXPLAINED = {
    ("exe_download.pcap", 0): BODY_CUT,
    ("http_on_sip_port.pcap", 0): BODY_CUT,
    ("mpeg-dash.pcap", 0): BODY_CUT,
    ("tfo_cookie_request_official.pcap", 0): BODY_CUT,
    ("http-connect__http-connect-fail", 0): CONNECT_HOST,
    ("100.1.1.105-and-100.1.21.181-and-100.1.29.36-sessions.pcap", 1): LONG_LINE,
    ("tcp-http-with-padding.pcap", 0): SLOW_LINE,
    ("socks.pcap", 0): SOCKS,
    ("socks.pcap", 1): SOCKS,
    ("socks.pcap", 3): SOCKS,
    ("socks.pcap", 5): SOCKS,
}


def captures(top):
    for folder, folders, files in sorted(os.walk(top)):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.endswith(CAPTURES):
                with (gzip.open if name.endswith(".gz") else open)(path, "rb") as file:
                    data = file.read()
                if any(mark in data for mark in MARKS):
                    yield path


def name_of(path):
    """Its own, or its folder's where all are called the same."""
    folder, name = os.path.split(path)
    return os.path.basename(folder) if name == "input.pcap" else name


def sha(data):
    return hashlib.sha256(data).hexdigest() if data else None


class Messages:
    """What each side of a stream said, in order."""

    def __init__(self):
        self.requests, self.responses = [], []

    def __eq__(self, other):
        return self.requests == other.requests and self.responses == other.responses

    def count(self):
        return len(self.requests) + len(self.responses)


def ours(sesstap, path):
    """Per stream; and the messages that have no hash, since they are not whole."""
    run = subprocess.run([sesstap, "read", "--http", path], capture_output=True, check=False)
    streams = collections.defaultdict(Messages)
    if run.returncode not in (0, 3):
        sys.exit(f"FAIL corpus_http: sesstap read {path}: {run.stderr.decode()}")
    for line in run.stdout.splitlines():
        record = json.loads(line)
        for item in record.get("http", []):
            stream = streams[record["streamIndex"]]
            request, response = item.get("request", {}), item.get("response", {})
            if "method" in item:
                stream.requests.append((item["method"], item.get("uri"), item.get("host"), body(request)))
            if "status" in item:
                stream.responses.append((item["status"], body(response)))
    return streams


def body(message):
    if not message.get("content_bytes"):
        return "broken" if message.get("body_bytes") else None
    return message.get("sha256", "in part")


def field(proto, name):
    found = proto.find(f".//field[@name='{name}']")
    return found.get("show") if found is not None else None


def file_data(proto):
    found = proto.find(".//field[@name='http.file_data']")
    value = found.get("value") if found is not None else None
    return sha(bytes.fromhex(value)) if value else None


def tsharks(path):
    decode_as = DECODE_AS.get(name_of(path))
    run = subprocess.run(
        ["tshark", "-r", path, "-2", "-Y", "http || http2", "-T", "pdml", "-J", "tcp http http2"]
        + (["-d", decode_as] if decode_as else []), capture_output=True, check=False)
    bodies = {}
    streams = collections.defaultdict(Messages)
    try:
        packets = ET.fromstring(run.stdout)
    except ET.ParseError:
        sys.exit(f"FAIL corpus_http: tshark {path}: {run.stderr.decode()}")
    for packet in packets:
        stream = field(packet, "tcp.stream")
        if stream is None:
            continue
        for proto in packet:
            if proto.get("name") == "http":
                add_http1(streams[int(stream)], proto)
            elif proto.get("name") == "http2":
                add_http2(streams[int(stream)], proto, (stream, field(packet, "tcp.srcport")), bodies)
    return streams


def add_http1(stream, proto):
    method, status = field(proto, "http.request.method"), field(proto, "http.response.code")
    if method:
        stream.requests.append((method, field(proto, "http.request.uri"), field(proto, "http.host"), file_data(proto)))
    elif status and (int(status) >= 200 or status == "101"):
        stream.responses.append((int(status), file_data(proto)))


def add_http2(stream, proto, sender, bodies):
    """One frame; a message's body is that of its later DATA frames. bodies: (sender, stream id): [data, its list, its place]."""
    key = (sender, field(proto, "http2.streamid"))
    method, status = field(proto, "http2.headers.method"), field(proto, "http2.headers.status")
    if method:
        messages = stream.requests
        head = (method, field(proto, "http2.headers.path"), field(proto, "http2.headers.authority"))
    elif status and int(status) >= 200:
        messages, head = stream.responses, (int(status),)
    elif field(proto, "http2.type") == "0" and key in bodies:
        found = proto.find(".//field[@name='http2.data.data']")
        data, messages, at = bodies[key]
        data += bytes.fromhex(found.get("value") or "") if found is not None else b""
        messages[at] = messages[at][:-1] + (sha(data),)
        return
    else:
        return
    messages.append(head + (None,))
    bodies[key] = [bytearray(), messages, len(messages) - 1]


def show(title, messages):
    print(f"  {title}")
    for message in messages.requests + messages.responses:
        print("    ", *message)


def main():
    sesstap, corpus = sys.argv[1:]
    files = streams = messages = different = failed = 0
    unused = dict(EXPLAINED)
    for path in captures(corpus):
        mine, other = ours(sesstap, path), tsharks(path)
        files += 1
        for number in sorted(set(mine) | set(other)):
            left, right = mine.get(number, Messages()), other.get(number, Messages())
            if not left.count() and not right.count():
                continue
            streams += 1
            messages += max(left.count(), right.count())
            if left == right:
                continue
            key = (name_of(path), number)
            why = unused.pop(key, None)
            different += 1
            if why:
                print(f"explained: {key[0]} tcp:{number}: {why}")
                continue
            failed += 1
            print(f"FAIL corpus_http {os.path.relpath(path, corpus)} tcp:{number} differs from tshark")
            show("sesstap", left)
            show("tshark", right)
    for key in unused:
        failed += 1
        print(f"FAIL corpus_http: {key} is explained, but does not differ")
    print(f"{files} captures, {streams} streams, {messages} messages; {different} streams differ, {failed} without a reason")
    if not messages:
        sys.exit("FAIL corpus_http: nothing was compared")
    if failed:
        sys.exit(1)
    print("ok corpus_http")


main()
