#!/usr/bin/env python3
"""Makes the disk that a power cut leaves, from the disk before and the log of what the guest sent to it.

A disk with a volatile write cache promises that a completed flush makes all writes before it stable. So: every write
before the last flush is kept; of the writes after it each is kept, lost, or kept in part (by the sector), by the toss
of a seeded coin, because a disk writes back in any order.
"""
import argparse
import os
import random
import subprocess

from writelog import DISCARD, FLUSH, FUA, SECTOR, entries


def apply(log, disk, entry, keep):
    at, length, flags, data_at, _ = entry
    if length == 0:
        return
    if flags & DISCARD:
        data = bytes(length)
    else:
        log.seek(data_at)
        data = log.read(length)
    for start in range(0, length, SECTOR):
        if keep():
            disk.seek(at + start)
            disk.write(data[start : start + SECTOR])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("before")
    parser.add_argument("log")
    parser.add_argument("after")
    arguments = parser.parse_args()
    coin = random.Random(arguments.seed)
    after = arguments.after + ".tmp"
    with open(arguments.log, "rb") as log:
        requests = list(entries(log))
        stable = max((i + 1 for i, e in enumerate(requests) if e[2] & FLUSH), default=0)
        subprocess.run(["cp", "--sparse=always", arguments.before, after], check=True)
        with open(after, "r+b") as disk:
            for entry in requests[:stable]:
                apply(log, disk, entry, lambda: True)
            for entry in requests[stable:]:
                share = 1.0 if entry[2] & FUA else coin.choice((0.0, 0.5, 1.0))
                apply(log, disk, entry, lambda: coin.random() < share)
        os.replace(after, arguments.after)
    flushes = sum(1 for entry in requests if entry[2] & FLUSH)
    print(
        "powercut: disk: %d requests, %d flushes, %d writes after the last flush"
        % (len(requests), flushes, len(requests) - stable)
    )


main()
