#!/usr/bin/env python3
"""Shows what all agents are at, by the newest state of each.

    examples/agents/dashboard.py --bootstrap 127.0.0.1:9092 --agents 10000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from client import BATCH, checked, consumer, shards
from topics import STATE, agent_of, topic

POLL_S = 1.0
DEADLINE_S = 120.0


def states(bootstrap: str, agents: range) -> dict[int, dict[str, Any]]:
    """The state of each of the agents that has one, as of now; read by one consumer after another."""
    newest: dict[int, dict[str, Any]] = {}
    for shard in shards(agents):
        newest.update(_states(bootstrap, shard))
    return newest


def _states(bootstrap: str, agents: range) -> dict[int, dict[str, Any]]:
    """Reads up to the ends of the topics; the client says of each when it is there."""
    left = {topic(agent, STATE) for agent in agents}
    newest: dict[int, dict[str, Any]] = {}
    reading = consumer(bootstrap, left, {"enable.partition.eof": True, "fetch.wait.max.ms": 10})
    deadline = time.monotonic() + DEADLINE_S
    try:
        while left:
            # With a timeout, consume would wait for as many messages as it may bring.
            for message in checked(reading.consume(1, POLL_S) + reading.consume(BATCH, 0)):
                if message.error() is not None:
                    left.discard(message.topic())
                elif message.topic() in left:
                    newest[agent_of(message.topic())] = json.loads(message.value())
            if time.monotonic() > deadline:
                raise TimeoutError(f"states are missing: topics={len(left)} timeout_s={DEADLINE_S}")
    finally:
        reading.close()
    return newest


def summary(newest: dict[int, dict[str, Any]]) -> dict[str, int]:
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
