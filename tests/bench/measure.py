#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whole processes, timed in turn, so that other load on the machine hits all of them alike.

usage: measure.py ROUNDS FOLDER NAME=COMMAND...
FOLDER is emptied before each run; in COMMAND, words are split at spaces. Prints `NAME WALL_S CPU_S RSS_KB STATUS` a
run: CPU is user and system time of all threads. What takes more than TIME_LIMIT_S of CPU time, or ten times that on the
clock, is ended, with status -24 or -14, and not run again.
"""
import os
import resource
import signal
import subprocess
import sys
import time

TIME_LIMIT_S = int(os.environ.get("TIME_LIMIT_S", "120"))


def empty(folder):
    """By a process of its own: what this one grows to, getrusage counts as the children's."""
    subprocess.run(["rm", "-rf", folder], check=True)


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_LIMIT_S, TIME_LIMIT_S + 1))
    signal.alarm(10 * TIME_LIMIT_S)


def run(command, folder):
    empty(folder)
    os.makedirs(folder)
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=limit)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss, process.returncode


def main():
    rounds, folder = int(sys.argv[1]), sys.argv[2]
    commands = [word.split("=", 1) for word in sys.argv[3:]]
    given_up = set()
    for _ in range(rounds):
        for name, command in commands:
            if name in given_up:
                continue
            wall, cpu, rss_kb, status = run(command.split(), folder)
            print(f"{name} {wall:.3f} {cpu:.3f} {rss_kb} {status}", flush=True)
            if status in (-signal.SIGALRM, -signal.SIGXCPU):
                given_up.add(name)
    empty(folder)


if __name__ == "__main__":
    main()
