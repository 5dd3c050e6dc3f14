# SPDX-License-Identifier: Apache-2.0
# Prints the records below a folder of `sesstap read -o`, a few lines each, and the bytes of its streams.
# usage: show.py FOLDER
import json
import os
import re
import sys

QUALITIES = (("client to server", "quality_fwd"), ("server to client", "quality_rev"))


def not_zero(counts):
    return " ".join(f"{name}={value}" for name, value in counts.items() if value)


def text(data):
    """Bytes as text; what cannot be printed as \\xNN, a run of zeros by its length."""
    shown = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in data)
    shown = re.sub(r"(?:\\x00)+", lambda run: f"<{len(run.group()) // 4} zero>", shown)
    return f'"{shown}"'


def print_tcp(tcp):
    print(f"  client {tcp['client_state']}, server {tcp['server_state']}, "
          f"SYN flags {tcp['synflags_fwd']} {tcp['synflags_rev']}")
    for title, name in QUALITIES:
        counts = not_zero(tcp[name])
        if counts:
            print(f"  {title}: {counts}")


def print_record(record):
    out, into = record["out"], record["in"]
    close = record["close"]
    by = f" by {close['by']}" if "by" in close else ""
    print(f"{record['name']} {record['@type']} {record.get('state', '')} {close['reason']}{by}"
          + (" missedSyn" if record.get("missedSyn") else ""))
    print(f"  packets {out['packets']} + {into['packets']}, payload {out['payload']} + {into['payload']}"
          + (f", initial {out.get('initialSeq')} {into.get('initialSeq')}" if "tcp" in record else ""))
    if "tcp" in record:
        print_tcp(record["tcp"])
    ledger = record["ledger"]
    print(f"  seen {ledger['payload_seen']} = delivered {ledger['payload_delivered']} + beyond depth "
          f"{ledger['payload_beyond_depth']} + lost {ledger['payload_lost']}")
    link = {name: value for name, value in record["link"].items() if name in ("vlan", "tunnel")}
    if link:
        print(f"  link {json.dumps(link)}")
    for hole in record.get("holes", ()):
        print(f"  hole {hole['direction']} at {hole['offset']}, {hole['length']} bytes")
    for lot in record.get("packetLots", ()):
        print(f"  lot {lot['n']} {lot['direction']}: {lot['packets']} packets, {lot['payload']} bytes"
              + (" late" if lot["late"] else ""))


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "sessions.ndjson")) as records:
        for line in records:
            record = json.loads(line)
            print_record(record)
            for side in ("client", "server"):
                path = os.path.join(folder, "streams", f"{record['name'].split('.')[0]}.{side}")
                if os.path.exists(path):
                    with open(path, "rb") as stream:
                        print(f"  {side} {text(stream.read())}")


main()
