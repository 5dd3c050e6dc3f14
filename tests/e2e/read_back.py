# SPDX-License-Identifier: Apache-2.0
# For read_back.sh: reads a capture, reads each session's capture that this wrote, and compares the records.
# usage: read_back.py SESSTAP MAKE_CAPTURE WORK GOLDEN CORPUS STEP
# Of the corpus's many small captures of single protocols every STEPth is taken.
import glob
import json
import os
import shutil
import subprocess
import sys

# What says where and when a record was written, or which session of its file it is.
OF_THE_FILE = ("@id", "name", "instanceId", "streamIndex", "synchro", "dateCreated", "dateModified", "_update")
# What other sessions' packets tell of this one: they are in their own captures.
OF_OTHERS = ("icmp_errors", "icmp_errors_more")
ENDED_BY_TIME = ("timeout", "syn_timeout", "reused", "capture_end")
NOT_IN_PCAP = ("interfaces",)  # of link: the file format has no place for their names


def read(sesstap, arguments):
    return subprocess.run([sesstap, "read", *arguments], capture_output=True, text=True)


def comparable(record, suffix):
    kept = {name: value for name, value in record.items() if name not in OF_THE_FILE + OF_OTHERS}
    if suffix == "pcap":
        for side in ("src", "dst"):
            kept[side] = {name: value for name, value in record[side].items() if name != "name"}
    # Scopes are numbered by capture. A session that ends by others' packets or their clock ends otherwise alone.
    left_out = ("scope",) + (NOT_IN_PCAP if suffix == "pcap" else ())
    kept["link"] = {name: value for name, value in record["link"].items() if name not in left_out}
    if record["close"]["reason"] in ENDED_BY_TIME:
        kept["close"] = "not by itself"
    return kept


def difference(first, second, path=""):
    """The first field that differs, as text."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in sorted(first.keys() | second.keys()):
            found = difference(first.get(name), second.get(name), f"{path}.{name}" if path else name)
            if found:
                return found
        return None
    return None if first == second else f"{path}: {first} in the whole capture, {second} alone"


def records_below(folder):
    with open(os.path.join(folder, "sessions.ndjson")) as lines:
        return [json.loads(line) for line in lines]


def differences_of(sesstap, capture, work, suffix):
    """Text for each session that is not the same when it is read alone; and how many there were."""
    out = os.path.join(work, "out")
    shutil.rmtree(out, ignore_errors=True)
    first = read(sesstap, [f"--{suffix}", "-o", out, capture])
    if first.returncode not in (0, 3) or not os.path.exists(os.path.join(out, "sessions.ndjson")):
        return [], 0
    different = []
    records = records_below(out)
    for record in records:
        number = record["name"].split(".")[0]
        again = read(sesstap, [os.path.join(out, "pcap", f"{number}.{suffix}")])
        lines = again.stdout.splitlines()
        if again.returncode or len(lines) != 1:
            different.append(f"{record['name']}: {len(lines)} sessions, status {again.returncode} {again.stderr.strip()}")
            continue
        found = difference(comparable(record, suffix), comparable(json.loads(lines[0]), suffix))
        if found:
            different.append(f"{record['name']}: {found}")
    return different, len(records)


def captures_of(make_capture, work, golden, corpus, step):
    for script in sorted(glob.glob(os.path.join(golden, "*", "script"))):
        name = os.path.basename(os.path.dirname(script))
        capture = os.path.join(work, name)
        subprocess.run([make_capture, script, capture], check=True)
        yield name, capture
    of_protocols = 0
    for suffix in ("pcap", "pcapng"):
        for path in sorted(glob.glob(os.path.join(corpus, "**", f"*.{suffix}"), recursive=True)):
            if "ndpi-protocols" in path:
                of_protocols += 1
                if of_protocols % step:
                    continue
            yield os.path.relpath(path, corpus), path


def main():
    sesstap, make_capture, work, golden, corpus, step = sys.argv[1:]
    failed = False
    sessions = 0
    for name, capture in captures_of(make_capture, work, golden, corpus, int(step)):
        different = []
        for suffix in ("pcapng", "pcap"):
            found, count = differences_of(sesstap, capture, work, suffix)
            different += [f"{suffix} {text}" for text in found]
            sessions += count
        print(f"{'FAIL' if different else 'ok'} read_back {name}")
        for text in different:
            print(f"    {text}")
        failed |= bool(different)
    print(f"{sessions} sessions read back")
    sys.exit(failed)


main()
