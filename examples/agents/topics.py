"""The three topics of an agent, the one over the states of all, and how they are made."""

from __future__ import annotations

from typing import Iterator

from confluent_kafka.admin import AdminClient, NewTopic

INBOX, OUTBOX, STATE = "inbox", "outbox", "state"
STATES = "all-states"  # a union: one topic with the records of all state topics, whenever these are made
MEMORY = {"headrace.storage.mode": "memory"}  # what agents say to one another may end with the server
CONFIGS = {INBOX: MEMORY, OUTBOX: MEMORY, STATE: {"cleanup.policy": "compact"}}
BATCH = 1000
WAIT_S = 60.0


def topic(agent: int, kind: str) -> str:
    return f"agents.{agent:05}.{kind}"


def agent_of(topic_name: str) -> int:
    return int(topic_name.split(".")[1])


def create(bootstrap: str, agents: int) -> int:
    """Creates the topics of all agents, some at a time, and the union of their states; how many topics agents have."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 4})  # 6 tells what is left unread at its end
    union = {"headrace.view.type": "union", "headrace.view.topics": f"agents.*.{STATE}"}
    admin.create_topics([NewTopic(STATES, num_partitions=1, replication_factor=1, config=union)])[STATES].result()
    count = 0
    for batch in _batches(agents):
        for created in admin.create_topics(batch, request_timeout=WAIT_S).values():
            created.result()
        count += len(batch)
    return count


def _batches(agents: int) -> Iterator[list[NewTopic]]:
    batch = []
    for agent in range(agents):
        for kind, config in CONFIGS.items():
            batch.append(NewTopic(topic(agent, kind), num_partitions=1, replication_factor=1, config=config))
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch
