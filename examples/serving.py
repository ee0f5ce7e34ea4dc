"""A server of its own for an example, in a temporary folder, that ends with it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Mapping, TypeVar

REPOSITORY = Path(__file__).resolve().parent.parent
LAUNCHER = os.environ.get("HEADRACE", str(REPOSITORY / "headrace"))
START_S = 300  # the launcher may have to build first
STOP_S = 60

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    bootstrap: str
    admin_url: str
    process: subprocess.Popen[bytes]

    def resident_mib(self) -> float:
        """Memory that the server's process has at this moment."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


@contextmanager
def started_server(folder: Path, settings: Mapping[str, str] = {}) -> Iterator[Server]:
    """A server with its data in the folder, on ports that are free."""
    log = folder / "server.log"
    given = {
        "listeners": "PLAINTEXT://127.0.0.1:0",
        "headrace.admin.listener": "127.0.0.1:0",
        "log.dirs": f"{folder}/data",
        **settings,
    }
    command = [LAUNCHER, "serve", *(word for pair in given.items() for word in ("--set", "=".join(pair)))]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def logged(pattern: str) -> str:
        return wait_for(lambda: re.search(pattern, log.read_text()), process, START_S)[1]

    try:
        admin_url = "http://" + logged(r"metrics and health: address=(\S+)")
        yield Server(logged(r"listening: .* address=\S*/(\S+)"), admin_url, process)
    except BaseException:
        stop(process)
        raise
    if not stop(process):
        raise RuntimeError(f"the server did not stop in time: timeout_s={STOP_S}")


def stop(process: subprocess.Popen[bytes]) -> bool:
    """Ends it; whether it did so by itself, in time."""
    process.terminate()
    try:
        process.wait(STOP_S)
        return True
    except subprocess.TimeoutExpired:
        process.kill()  # its folder is about to be deleted
        process.wait()
        return False


def wait_for(condition: Callable[[], T | None], process: subprocess.Popen[bytes], deadline_s: float) -> T:
    """What the condition says as soon as it says something; an error if the process ends, or the time does."""
    deadline = time.monotonic() + deadline_s
    while not (result := condition()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"ended or took too long: {process.args!r}")
        time.sleep(0.005)
    return result
