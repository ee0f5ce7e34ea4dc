#!/usr/bin/env python3
"""Shows what all agents are at, by the newest state of each.

    examples/agents/dashboard.py --bootstrap 127.0.0.1:9092 --agents 10000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, Callable

from client import BATCH, checked, consumer
from topics import STATES, agent_of

POLL_S = 1.0
DEADLINE_S = 120.0


States = dict[int, dict[str, Any]]


def states(bootstrap: str, agents: range, enough: Callable[[States], bool] = lambda _: True) -> States:
    """The newest state of each of the agents that has one: as of now, or as soon as that is enough.

    They come from one topic, whatever the number of agents: a record says in a header which agent's it is. What was
    acknowledged to an agent is there a moment later, so that whoever knows what there has to be says so by `enough`.
    """
    newest: States = {}
    reading = consumer(bootstrap, [STATES], {"enable.partition.eof": True, "fetch.wait.max.ms": 10})
    deadline = time.monotonic() + DEADLINE_S
    try:
        at_end = False
        while not at_end or not enough(newest):
            # With a timeout, consume would wait for as many messages as it may bring.
            for message in checked(reading.consume(1, POLL_S) + reading.consume(BATCH, 0)):
                at_end = message.error() is not None
                if not at_end:
                    agent = agent_of(origin(message.headers()))
                    if agent in agents:
                        newest[agent] = json.loads(message.value())
            if time.monotonic() > deadline:
                raise TimeoutError(f"states are missing: {len(newest)}, {summary(newest)} timeout_s={DEADLINE_S}")
    finally:
        reading.close()
    return newest


def origin(headers: list[tuple[str, bytes]]) -> str:
    """The name of the topic that a record of a union comes from; the last header of that name counts."""
    return [value for name, value in headers if name == "headrace.topic"][-1].decode()


def summary(newest: States) -> dict[str, int]:
    return {key: sum(state[key] for state in newest.values()) for key in ("asked", "replies", "answered")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--agents", type=int, default=10_000)
    given = parser.parse_args()
    begun = time.monotonic()
    newest = states(given.bootstrap, range(given.agents))
    print(f"{len(newest)} states in {time.monotonic() - begun:.2f} s: {summary(newest)}")


if __name__ == "__main__":
    main()
