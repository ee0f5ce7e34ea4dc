#!/usr/bin/env python3
"""10,000 agents with an inbox, an outbox and a state each, that ask one another, and a dashboard over all of them.

    examples/agents/run.py [--agents 10000] [--requests 5]

Starts a server of its own in a temporary folder. Ends with 0 if every request got the right reply, and the states
say so.
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import re
import sys
import tempfile
import time
import urllib.request
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from serving import Server, started_server  # noqa: E402

import dashboard  # noqa: E402
import topics  # noqa: E402
from processes import Done, Plan, carrier, host  # noqa: E402

HOSTS = 2
DEADLINE_S = 600.0
LOOK_S = 1.0

T = TypeVar("T")


class Population:
    """The processes of the agents and of their carrier."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._told = context.Queue()
        self._stop = context.Event()
        bounds = [plan.agents * number // HOSTS for number in range(HOSTS + 1)]
        self._processes: list[BaseProcess] = [
            context.Process(target=host, args=(plan, first, last, self._told, self._stop), daemon=True)
            for first, last in zip(bounds, bounds[1:])
        ]
        self._processes.append(context.Process(target=carrier, args=(plan, self._told, self._stop), daemon=True))
        for process in self._processes:
            process.start()

    def wait_for_replies(self) -> None:
        self._hear(str, HOSTS)

    def end(self) -> list[Done]:
        self._stop.set()
        done = self._hear(Done, len(self._processes))
        for process in self._processes:
            process.join(DEADLINE_S)
        return done

    def _hear(self, kind: type[T], count: int) -> list[T]:
        """So many messages of that kind; an error if a process fails, or the time is up."""
        heard: list[T] = []
        deadline = time.monotonic() + DEADLINE_S
        while len(heard) < count:
            try:
                message = self._told.get(timeout=LOOK_S)
                assert isinstance(message, kind), message
                heard.append(message)
            except queue.Empty:
                if any(process.exitcode for process in self._processes) or time.monotonic() > deadline:
                    raise RuntimeError(f"a process failed or took too long: heard={heard}") from None
        return heard


def demonstrate(server: Server, plan: Plan) -> bool:
    begun = time.monotonic()
    count = topics.create(server.bootstrap, plan.agents)
    took_s = time.monotonic() - begun
    print(f"topics:    {count} in {took_s:.2f} s, {count / took_s:.0f}/s; server {server.resident_mib():.0f} MiB")

    begun = time.monotonic()
    population = Population(plan)
    population.wait_for_replies()
    took_s = time.monotonic() - begun
    print(f"replies:   {plan.agents * plan.requests} in {took_s:.2f} s, from the start of the processes on")
    done = population.end()
    sent = sum(it.sent for it in done)
    print(f"messages:  {sent}, {sent / took_s:.0f}/s; server {server.resident_mib():.0f} MiB")
    for it in done:
        print(f"           {it.who}: {it.sent} sent, {it.resident_mib:.0f} MiB at most")

    before = requests(server)
    begun = time.monotonic()
    total = plan.agents * plan.requests
    wanted = {"asked": total, "replies": total, "answered": total}
    newest = dashboard.states(
        server.bootstrap,
        range(plan.agents),
        lambda found: len(found) == plan.agents and dashboard.summary(found) == wanted,
    )
    took_s = time.monotonic() - begun
    asked = {api: count - before.get(api, 0) for api, count in requests(server).items()}
    print(f"dashboard: {len(newest)} states in {took_s:.2f} s; requests: "
          f"{', '.join(f'{count} {api}' for api, count in sorted(asked.items()) if count)}")  # fmt: skip
    found = dashboard.summary(newest)
    right = len(newest) == plan.agents and found == wanted
    print(f"{'yes' if right else 'NO':<10} every request has its reply, by the states: {found}")
    return right


def requests(server: Server) -> dict[str, int]:
    """How many requests of each kind the server has had."""
    with urllib.request.urlopen(f"{server.admin_url}/metrics", timeout=10) as response:
        found = re.findall(r'^headrace_kafka_requests_total\{api="(\w+)"\} (\d+)', response.read().decode(), re.M)
    return {api: int(count) for api, count in found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=5, help="of each agent")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-agents-") as temporary:
        with started_server(Path(temporary)) as running:
            plan = Plan(running.bootstrap, given.agents, given.requests)
            return 0 if demonstrate(running, plan) else 1


if __name__ == "__main__":
    sys.exit(main())
