# SPDX-License-Identifier: Apache-2.0
# The HTTP that no common server or client says when asked to: hints, upgrades, bombs, pipelines.
# usage: http_peers.py serve ADDRESS PORT      one thread a connection, until killed
#        http_peers.py talk ADDRESS PORT FILE  sends the file's bytes, reads until the server closes, writes what came to stdout
#        http_peers.py websocket ADDRESS PORT  upgrades, sends a text, reads one, closes
#        http_peers.py brotli FILE             its bytes as brotli to stdout, stored (RFC 7932 section 9.2)
import base64
import hashlib
import os
import socket
import struct
import sys
import threading
import zlib

BOMB_MEMBERS, BOMB_MEMBER_BYTES = 16, 64 << 20
SERVER_TEXT = b"s" * 70000
WEBSOCKET_ID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


def bomb():
    """A gigabyte of zeros, as gzip members of 64 MB."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    member = b"".join(packer.compress(zeros) for _ in range(BOMB_MEMBER_BYTES >> 20)) + packer.flush()
    return member * BOMB_MEMBERS


def brotli(data):
    out = bytearray()
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        bits = (len(part) - 1) << 3 | 1 << 19
        out += struct.pack("<I", bits << 4 | 0xB)[:3] if not at else struct.pack("<I", bits)[:3]
        out += part
    return bytes(out) + b"\x03"


def frame(opcode, payload, masked):
    head = bytes([0x80 | opcode])
    flag = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", len(payload))
    if not masked:
        return head + payload
    key = b"\x11\x22\x33\x44"
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def read_head(file):
    lines = []
    while (line := file.readline()) not in (b"\r\n", b""):
        lines.append(line.rstrip().decode("latin1"))
    return lines


def answer(sock, file, lines, packed):
    method, uri, _ = lines[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    if uri == "/hints":
        sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </t.css>\r\n\r\n")
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhinted")
    elif uri == "/bomb":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    elif uri == "/ws":
        accept = base64.b64encode(hashlib.sha1((headers.get("sec-websocket-key", "") + WEBSOCKET_ID).encode()).digest())
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        file.read(2 + 4 + 5)
        sock.sendall(frame(1, b"hi", False) + frame(2, SERVER_TEXT, False) + frame(8, b"", False))
        file.read(2 + 4)
        return False
    elif method == "POST":
        if headers.get("expect") == "100-continue":
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        digest = hashlib.sha256(file.read(int(headers["content-length"]))).hexdigest().encode()
        sock.sendall(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + digest[:32] + b"\r\n20\r\n" + digest[32:]
                     + b"\r\n0\r\nX-After: all\r\n\r\n")
    else:
        sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
        return False
    return True


def serve_one(sock, packed):
    with sock, sock.makefile("rb") as file:
        while lines := read_head(file):
            if not answer(sock, file, lines, packed):
                break


def serve(address, port):
    packed = bomb()
    server = socket.create_server((address, int(port)))
    print("listening", flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve_one, args=(sock, packed), daemon=True).start()


def talk(address, port, path):
    with socket.create_connection((address, int(port))) as sock, open(path, "rb") as file:
        sock.sendall(file.read())
        while data := sock.recv(65536):
            os.write(1, data)


def websocket(address, port):
    with socket.create_connection((address, int(port))) as sock, sock.makefile("rb") as file:
        sock.sendall(b"GET /ws HTTP/1.1\r\nHost: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        read_head(file)
        sock.sendall(frame(1, b"hello", True))
        file.read(2 + 2 + 10 + len(SERVER_TEXT) + 2)
        sock.sendall(frame(8, b"", True))
        file.read()


def main():
    what, *rest = sys.argv[1:]
    if what == "brotli":
        with open(rest[0], "rb") as file:
            os.write(1, brotli(file.read()))
    else:
        {"serve": serve, "talk": talk, "websocket": websocket}[what](*rest)


main()
