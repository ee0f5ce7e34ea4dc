"""Forks ranks from one process that has imported all they need, as 32 interpreters of their own take 10 s to start.

Each is a process like any other, which may be killed. On standard input is a Unix socket: for each rank a message with
its script and settings, and the descriptors that become its standard input and output; the answer is its process id.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

sys.modules["torch"] = None  # type: ignore[assignment]  # starts sooner

import elastic_rank  # noqa: E402
import positions_rank  # noqa: E402

SCRIPTS = {"elastic": elastic_rank.main, "positions": positions_rank.main}
MESSAGE_MAX = 1 << 20


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: their output ends
    asked = socket.socket(fileno=os.dup(0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, MESSAGE_MAX, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            asked.close()
            run(message, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        asked.send(b"%d" % child)


def run(message: bytes, orders: int, reports: int) -> None:
    status = 1
    try:
        os.dup2(orders, 0)
        os.dup2(reports, 1)
        os.close(orders)
        os.close(reports)
        settings = json.loads(message)
        SCRIPTS[settings["script"]](settings)
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


main()
