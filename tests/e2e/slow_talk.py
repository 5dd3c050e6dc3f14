#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One TCP connection that is open for long: the client sends 100 bytes every 20 ms, the server answers with 300.

slow_talk.py server ADDR PORT | slow_talk.py client ADDR PORT. The client ends on SIGTERM, by closing, and prints its
port and what it sent and received in bytes; the server ends with it.
"""
import signal
import socket
import sys
import time


def server(addr, port):
    listener = socket.create_server((addr, port))
    print("listening", flush=True)
    conn, _ = listener.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while conn.recv(100, socket.MSG_WAITALL):
        conn.sendall(b"s" * 300)


def client(addr, port):
    stops = []
    signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
    conn = socket.create_connection((addr, port))
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("listening", flush=True)
    rounds = 0
    while not stops:
        conn.sendall(b"c" * 100)
        conn.recv(300, socket.MSG_WAITALL)
        rounds += 1
        time.sleep(0.02)
    own = conn.getsockname()[1]
    conn.close()
    print(own, rounds * 100, rounds * 300, flush=True)


{"server": server, "client": client}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
