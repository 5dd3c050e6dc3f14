# SPDX-License-Identifier: Apache-2.0
# Servers that begin in the clear and go on with TLS when they are asked to, a port a protocol: what is said in TLS comes
# back in capitals. The last one is a proxy for CONNECT, and the HTTP server behind it as well.
# usage: starttls_server.py ADDRESS CERTIFICATE KEY BODY-FILE      until killed
import gzip
import re
import socket
import ssl
import struct
import sys
import threading

XMPP = (b"<?xml version='1.0'?><stream:stream from='a' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
MYSQL = (b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"saltsalt\0" + struct.pack("<HBHHB", 0xffff, 33, 2, 0xdfff, 21)
         + bytes(10) + b"saltsaltsalt\0" + b"mysql_native_password\0")

# What is said at first (or nothing), then an answer to each thing that is read.
TALKS = {
    21: [b"220-all of the\r\n220 FTP\r\n", b"234 go on\r\n"],
    24: [b"220 LMTP\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go on\r\n"],
    25: [b"220 mail ESMTP\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go on\r\n"],
    110: [b"+OK POP3\r\n", b"+OK go on\r\n"],
    119: [b"200 news\r\n", b"101 all\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", b"382 go on\r\n"],
    143: [b"* OK IMAP4rev1\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK\r\n", b". OK go on\r\n"],
    389: [None, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"],
    3306: [struct.pack("<I", len(MYSQL)) + MYSQL, b""],
    4190: [b"\"IMPLEMENTATION\" \"tests\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n", b"OK \"go on\"\r\n"],
    5222: [None, XMPP, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    5432: [None, b"S"],
}
PROXY = 3128


def talk(sock, port, context):
    first, *answers = TALKS[port]
    if first:
        sock.sendall(first)
    for answer in answers:
        # MySQL asks with 36 bytes, and has TLS right behind them.
        if not (sock.recv(36) if port == 3306 else sock.recv(4096)):
            return
        sock.sendall(answer)
    with context.wrap_socket(sock, server_side=True) as inner:
        while data := inner.recv(4096):
            inner.sendall(data.upper())


def proxy(sock, context, body):
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    if not re.search(rb"^Proxy-Authorization:", head, re.M | re.I):
        sock.sendall(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 3\r\n\r\nwho")
        return proxy(sock, context, body)
    sock.sendall(b"HTTP/1.1 200 Connected\r\nVia: 1.1 tests\r\n\r\n")
    with context.wrap_socket(sock, server_side=True) as inner:
        file = inner.makefile("rb")
        while line := file.readline():
            while file.readline() not in (b"\r\n", b""):
                pass
            if line.startswith(b"GET /plain"):
                inner.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            else:
                packed = gzip.compress(body)
                inner.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)


def serve_one(sock, port, context, body):
    try:
        with sock:
            if port == PROXY:
                proxy(sock, context, body)
            else:
                talk(sock, port, context)
    except OSError:
        pass  # the client went away


def serve(server, port, context, body):
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve_one, args=(sock, port, context, body), daemon=True).start()


def main():
    address, certificate, key, path = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with open(path, "rb") as file:
        body = file.read()
    threads = []
    for port in [*TALKS, PROXY]:
        server = socket.create_server((address, port))
        threads.append(threading.Thread(target=serve, args=(server, port, context, body)))
    for thread in threads:
        thread.start()
    print("listening", flush=True)


main()
