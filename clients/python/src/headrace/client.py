"""The settings of librdkafka that a dataset is read with.

Each constant says why it differs from librdkafka's default. Whoever knows better passes `config`.
"""

from __future__ import annotations

from typing import Any, Mapping

import confluent_kafka
from confluent_kafka import KafkaError

Config = Mapping[str, Any]

FETCH_WAIT_MS = 20
"""How long a broker may hold back a fetch: at an epoch's end there is nothing to wait for (default 500)."""

QUEUED_KBYTES = 32 * 1024
"""What librdkafka holds ready for one worker (default 64 MiB, which is much with 8 ranks of 8 workers)."""

QUEUED_KBYTES_BEFORE_2_2 = 128 * 1024
"""Up to librdkafka 2.1, a queue that was full is looked at again only after up to a second, so it has to hold
what a worker takes in a second; measured: 32 MiB stalled for 0.7 s at a time at 60 MB/s."""

QUEUED_RECORDS = 1_000_000
"""Bytes are the bound; the default of 100,000 records stops a queue of short ones too soon."""

FETCH_QUEUE_BACKOFF_MS = 10
"""From librdkafka 2.2 on, how soon a full queue is looked at again (default 1000)."""

CONSUME_RECORDS = 1024
"""Messages taken from librdkafka at a time; one call per record would cost more than the record."""

PASSING_ERRORS = frozenset(
    (
        KafkaError._PARTITION_EOF,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    )
)
"""What librdkafka reports and then mends itself; that it does not take for ever is the stall timeout's business."""

_FETCH_QUEUE_BACKOFF_SINCE = 0x02020000


def consumer_config(
    bootstrap_servers: str, client_id: str, config: Config, group_id: str | None = None
) -> dict[str, Any]:
    """For a consumer that is given its partitions, or, with a group, is dealt them."""
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap_servers,
        "client.id": client_id,
        # librdkafka wants one; without a subscription nobody joins it, and nothing is committed to it.
        "group.id": group_id or "headrace-dataset",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # A sample that is gone is an error. Never go on elsewhere silently.
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": FETCH_WAIT_MS,
        "queued.min.messages": QUEUED_RECORDS,
    }
    if confluent_kafka.libversion()[1] >= _FETCH_QUEUE_BACKOFF_SINCE:
        settings["fetch.queue.backoff.ms"] = FETCH_QUEUE_BACKOFF_MS
        settings["queued.max.messages.kbytes"] = QUEUED_KBYTES
    else:
        settings["queued.max.messages.kbytes"] = QUEUED_KBYTES_BEFORE_2_2
    settings.update(config)
    return settings
