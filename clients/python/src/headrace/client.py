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

FETCH_BACKOFF_MS = 10
"""Pause of a partition's fetches once the queue is full. The default of 500 to 1000 ms drains the queue,
and then the GPU waits (`fetch.error.backoff.ms` up to librdkafka 2.1, `fetch.queue.backoff.ms` from 2.2)."""

QUEUED_KBYTES = 32 * 1024
"""What librdkafka holds ready for one worker; the default of 64 MiB is much with 8 ranks of 8 workers."""

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


def consumer_config(bootstrap_servers: str, client_id: str, config: Config, group_id: str | None = None) -> dict[str, Any]:
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
        "fetch.error.backoff.ms": FETCH_BACKOFF_MS,
        "queued.max.messages.kbytes": QUEUED_KBYTES,
    }
    if confluent_kafka.libversion()[1] >= _FETCH_QUEUE_BACKOFF_SINCE:
        settings["fetch.queue.backoff.ms"] = FETCH_BACKOFF_MS
    settings.update(config)
    return settings
