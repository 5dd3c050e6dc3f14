# SPDX-License-Identifier: Apache-2.0
"""The files of `read --format tcpsession`, against the corpus's references and against themselves.

usage: corpus_tcpsession.py SESSTAP CORPUS WORK

References: <capture>.data, one hex line a packet that tcpsession keeps (empty ones delivered nothing), and
expected.json with the sessions' tuples, or with the bytes kept of each direction.
"""
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

CAPTURES = (".pcap", ".pcapng", ".cap")
failures = []


def check(capture, ok, what):
    if not ok:
        failures.append(f"{capture.name}: {what}")


def md5(data):
    return hashlib.md5(data).hexdigest()


def read(sesstap, capture, out):
    """The sessions of a capture by number; None when it can't be read."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sesstap, "read", "--format", "tcpsession", "--streams", "--holes", "skip", "-o", out, capture]
    done = subprocess.run(command, capture_output=True, check=False)
    check(capture, done.returncode in (0, 1, 3), f"exit {done.returncode}")
    if done.returncode not in (0, 3):
        return None
    texts = {int(path.stem): path.read_text(encoding="ascii") for path in out.glob("tcpsession/*")}
    sessions = {number: json.loads(text) for number, text in texts.items()}
    for number, text in texts.items():
        check(capture, text == json.dumps(sessions[number], indent=1), f"{number}: not laid out like json.dump")
    return sessions


def stream(out, number, side):
    path = out / "streams" / f"{number}.{side}"
    return path.read_bytes() if path.exists() else b""


def check_session(capture, out, number, session):
    """Every field follows from the list of packets, and the streams too."""
    packets = [(ip, n, bytes.fromhex(text)) for ip, n, text in session["tcp_payload_hex"]]
    texts = [[ip, n, data.decode("utf-8", "backslashreplace")] for ip, n, data in packets]
    whole = b"".join(data for _, _, data in packets)
    expected = {"tcp_payload_ascii": texts, "tcp_ordered_payload_md5sum": md5(whole),
                "tcp_ordered_hex_payload_md5sum": md5(whole.hex().encode())}
    check(capture, all(n > 0 for _, n, _ in packets), f"{number}: a packet without number")
    if session["sip"] != session["dip"]:
        for name, ip, side in (("src", session["sip"], "client"), ("dst", session["dip"], "server")):
            data = b"".join(data for source, _, data in packets if source == ip)
            text = "".join(text for source, _, text in texts if source == ip)
            expected |= {f"combined_{name}_payload": text, f"combined_{name}_payload_md5sum": md5(data)}
            check(capture, data == stream(out, number, side), f"{number}: not the {side}'s stream")
    for name, value in expected.items():
        check(capture, session[name] == value, f"{number}: {name}")


def check_kept(capture, sessions):
    """<capture>.data: the packets of the only session."""
    reference = capture.with_suffix(".data")
    if not reference.exists():
        return 0
    lines = [line for line in reference.read_text(encoding="ascii").split("\n") if line]
    kept = [text for session in sessions.values() for _, _, text in session["tcp_payload_hex"]]
    check(capture, kept == lines, "not the packets of " + reference.name)
    return 1


def check_expected(capture, sessions):
    reference = capture.parent / "expected.json"
    if not reference.exists() or not capture.parent.parent.name.startswith("tcpsession"):
        return 0
    expected = json.loads(reference.read_text(encoding="utf-8"))
    if "tuples" in expected:
        tuples = sorted("{sip}:{sport}-{dip}:{dport}".format(**session) for session in sessions.values())
        check(capture, tuples == sorted(expected["tuples"]), f"sessions {tuples}")
        return 1
    kept = ["".join(text for session in sessions.values() for ip, _, text in session["tcp_payload_hex"]
                    if (ip == session["sip"]) == from_client) for from_client in (True, False)]
    want = ["".join(session[side] for session in expected["sessions"].values()) for side in ("c2s", "s2c")]
    check(capture, kept == want, f"kept {kept}, not {want}")
    return 1


def main():
    sesstap, corpus, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]) / "out"
    captures = references = count = 0
    for capture in sorted(path for path in corpus.rglob("*") if path.suffix in CAPTURES):
        sessions = read(sesstap, capture, out)
        if sessions is None:
            continue
        captures, count = captures + 1, count + len(sessions)
        for number, session in sorted(sessions.items()):
            check_session(capture, out, number, session)
        references += check_kept(capture, sessions) + check_expected(capture, sessions)
    check(corpus, captures and references, "no captures, or none with a reference")
    for failure in failures:
        print("FAIL corpus_tcpsession:", failure)
    if not failures:
        print(f"PASS corpus_tcpsession: {count} sessions of {captures} captures, {references} with references")
    sys.exit(bool(failures))


main()
