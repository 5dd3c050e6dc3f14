# SPDX-License-Identifier: Apache-2.0
# What connects through tunnels of HTTP/2, and a proxy that makes those of HTTP/1.
# usage: tunnel_peers.py proxy ADDRESS PORT                    CONNECT over HTTP/1, one thread a connection, until killed
#        tunnel_peers.py tls ADDRESS PORT KEYLOG TARGET PATH...  one HTTP/2 connection to a proxy, a CONNECT to TARGET (host:port) a
#              path, all at once, TLS and a GET in each: prints "PATH SHA-256" of the bodies; secrets are added to KEYLOG
#        tunnel_peers.py websocket ADDRESS PORT COUNT           so many WebSockets by extended CONNECT on one connection
import hashlib
import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

CHUNK = 16000


def relay(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxy_one(sock):
    with sock:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                return
            head += byte
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        try:
            target = socket.create_connection((host, int(port)), 5)
        except OSError:
            sock.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n")
            return
        with target:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=relay, args=(target, sock), daemon=True).start()
            relay(sock, target)
            while target.fileno() >= 0 and target.recv(1):
                pass


def proxy(address, port):
    server = socket.create_server((address, int(port)))
    print("listening", flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=proxy_one, args=(sock,), daemon=True).start()


class Talk:
    """TLS and a request within a tunnel."""

    def __init__(self, path, host, keylog):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.keylog_filename = keylog
        self.path, self.host = path, host
        self.read, self.write = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.read, self.write, server_hostname=host)
        self.asked = self.over = False
        self.got = b""

    def step(self):
        """What is to be sent."""
        try:
            if not self.asked:
                self.tls.do_handshake()
                self.tls.write(f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
                self.asked = True
            while data := self.tls.read(65536):
                self.got += data
            self.over = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.over = True
        return self.write.read()

    def body(self):
        return self.got.split(b"\r\n\r\n", 1)[1]


class WebSocket:
    """A text, and what the server says until it closes."""

    def __init__(self):
        self.said = self.over = False
        self.got = b""

    def step(self):
        if not self.said:
            self.said = True
            return masked(1, b"hello")
        if self.got.endswith(b"\x88\x00") and not self.over:
            self.over = True
            return masked(8, b"")
        return b""


def masked(opcode, payload):
    key = b"\x11\x22\x33\x44"
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class Connection:
    """HTTP/2 with what goes on in its streams."""

    def __init__(self, address, port):
        self.sock = socket.create_connection((address, int(port)))
        self.sock.settimeout(20)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, validate_outbound_headers=False))
        self.h2.initiate_connection()
        self.talks, self.left = {}, {}
        self.refused = []
        self.settled = False

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def send(self, stream):
        data = self.left.get(stream, b"")
        while data and (room := min(self.h2.local_flow_control_window(stream), CHUNK)) > 0:
            self.h2.send_data(stream, data[:room])
            data = data[room:]
        self.left[stream] = data

    def go_on(self, stream):
        talk = self.talks[stream]
        self.left[stream] = self.left.get(stream, b"") + talk.step()
        self.send(stream)
        if talk.over and not self.left[stream]:
            del self.talks[stream]
            try:
                self.h2.end_stream(stream)
            except h2.exceptions.StreamClosedError:  # the proxy was first
                pass

    def take(self, event):
        stream = getattr(event, "stream_id", 0)
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settled = True
        elif isinstance(event, h2.events.ResponseReceived):
            if dict(event.headers)[b":status"] != b"200":
                self.refused.append(stream)
                self.talks.pop(stream, None)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            talk = self.talks.get(stream)
            if isinstance(talk, Talk):
                talk.read.write(event.data)
            elif talk:
                talk.got += event.data
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)) and isinstance(self.talks.get(stream), Talk):
            self.talks[stream].read.write_eof()
        if stream in self.talks and isinstance(event, (h2.events.ResponseReceived, h2.events.DataReceived, h2.events.StreamEnded)):
            self.go_on(stream)

    def turn(self):
        data = self.sock.recv(65536)
        if not data:
            sys.exit("the proxy closed")
        for event in self.h2.receive_data(data):
            self.take(event)
        for stream in list(self.talks):
            if self.left.get(stream):
                self.send(stream)
        self.flush()

    def begin(self, talk, headers):
        stream = self.h2.get_next_available_stream_id()
        self.talks[stream] = talk
        self.h2.send_headers(stream, headers)

    def run(self):
        self.flush()
        while self.talks:
            self.turn()
        self.flush()
        self.sock.close()


def tls(address, port, keylog, target, *paths):
    connection = Connection(address, port)
    talks = [Talk(path, "site.example", keylog) for path in paths]
    for talk in talks:
        connection.begin(talk, [(":method", "CONNECT"), (":authority", target)])
    connection.begin(WebSocket(), [(":method", "CONNECT"), (":authority", "127.0.0.1:1")])  # nobody listens: refused
    connection.run()
    if len(connection.refused) != 1:
        sys.exit(f"refused: {connection.refused}")
    for talk in talks:
        print(talk.path, hashlib.sha256(talk.body()).hexdigest())


def websocket(address, port, count):
    connection = Connection(address, port)
    connection.flush()
    while not connection.settled:
        connection.turn()
    for _ in range(int(count)):
        connection.begin(WebSocket(), [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"),
                                       (":authority", "ws.example"), ("sec-websocket-version", "13")])
    connection.run()
    if connection.refused:
        sys.exit(f"refused: {connection.refused}")


{"proxy": proxy, "tls": tls, "websocket": websocket}[sys.argv[1]](*sys.argv[2:])
