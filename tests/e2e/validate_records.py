#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks session records (NDJSON) against docs/records.schema.json.

usage: validate_records.py [--every N] [--schema FILE] FILE...      (- is stdin)

Prints the first 20 faults with file and line; exits 1 when there is any, 2 when nothing was checked.
Every line must be a JSON object; with --every N one of N is checked against the schema.
"""
import argparse
import json
import os
import sys

import jsonschema

SHOWN_MAX = 20
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "records.schema.json")


def faults_of(validator, text, checked):
    try:
        record = json.loads(text)
    except ValueError as err:
        yield "not JSON: %s" % err
        return
    if not isinstance(record, dict):
        yield "not an object"
    elif checked:
        for err in validator.iter_errors(record):
            yield "%s: %s" % (".".join(map(str, err.absolute_path)) or "record", err.message[:300])


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--every", type=int, default=1, metavar="N")
    args.add_argument("--schema", default=SCHEMA)
    args.add_argument("files", nargs="+")
    args = args.parse_args()
    with open(args.schema) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    lines = checked = faults = 0
    for name in args.files:
        with sys.stdin if name == "-" else open(name) as file:
            for number, text in enumerate(file, 1):
                lines += 1
                is_checked = lines % args.every == 0 or lines == 1
                checked += is_checked
                for fault in faults_of(validator, text, is_checked):
                    faults += 1
                    if faults <= SHOWN_MAX:
                        print("%s:%d: %s" % (name, number, fault))
    print("%d records, %d checked against the schema, %d faults" % (lines, checked, faults))
    if not checked:
        return 2
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
