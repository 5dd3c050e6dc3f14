# SPDX-License-Identifier: Apache-2.0
# What tshark's JSON (-T json -J "http http2 tcp" --no-duplicate-keys) on stdin lists of HTTP/1 and HTTP/2, a line a message:
#   PORT request STREAM METHOD PATH      PORT response STREAM STATUS       PORT: the client's; STREAM 0: HTTP/1
import json
import sys


def find(node, key):
    """Every value of that key, in order."""
    if isinstance(node, list):
        for one in node:
            yield from find(one, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            elif isinstance(value, (dict, list)):
                yield from find(value, key)


def streams(node):
    """Frames of HTTP/2."""
    for one in find(node, "http2.stream"):
        yield from one if isinstance(one, list) else [one]


def main():
    for packet in json.load(sys.stdin):
        layers = packet["_source"]["layers"]
        tcp = layers.get("tcp", {})
        ports = int(tcp["tcp.srcport"]), int(tcp["tcp.dstport"])
        for method, uri in zip(find(layers.get("http"), "http.request.method"), find(layers.get("http"), "http.request.uri")):
            print(ports[0], "request", 0, method, uri)
        for status in find(layers.get("http"), "http.response.code"):
            print(ports[1], "response", 0, status)
        for frame in streams(layers.get("http2")):
            if frame.get("http2.type") != "1":
                continue
            fields = {next(find(one, "http2.header.name")): next(find(one, "http2.header.value"))
                      for header in find(frame, "http2.header") for one in (header if isinstance(header, list) else [header])}
            if ":method" in fields:
                print(ports[0], "request", frame["http2.streamid"], fields[":method"], fields[":path"])
            else:
                print(ports[1], "response", frame["http2.streamid"], fields[":status"])


main()
