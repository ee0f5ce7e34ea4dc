#!/usr/bin/env python3
"""Kills a guest at the worst moment: after a random time, as soon as a write has reached its disk and no flush yet."""
import argparse
import os
import random
import signal
import time

from writelog import FLUSH, entries

PATIENCE_S = 30


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("log")
    parser.add_argument("pid", type=int)
    arguments = parser.parse_args()
    time.sleep(random.Random(arguments.seed).uniform(1, 6))
    deadline = time.monotonic() + PATIENCE_S
    offset = None
    # Unbuffered: what was read once as zeros must be seen when it is written.
    with open(arguments.log, "rb", buffering=0) as log:
        while time.monotonic() < deadline:
            last = None
            for last in entries(log, offset):
                offset = last[4]
            if last is not None and not last[2] & FLUSH:
                break
            time.sleep(0.0005)
    os.kill(arguments.pid, signal.SIGKILL)


main()
