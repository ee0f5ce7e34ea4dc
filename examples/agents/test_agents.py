"""The example, run as its README says with fewer agents, and what its query costs."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import dashboard  # noqa: E402
from agent import Agent  # noqa: E402
from client import Sender  # noqa: E402
from serving import Server, started_server  # noqa: E402
from topics import STATE, create, topic  # noqa: E402

AGENTS = 300
SOME = range(40, 50)


def test_every_request_of_every_agent_has_its_reply_and_the_states_say_so():
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py"), "--agents", str(AGENTS), "--requests", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"dashboard: {AGENTS} states" in done.stdout
    assert "{'asked': 900, 'replies': 900, 'answered': 900}" in done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with started_server(tmp_path_factory.mktemp("agents")) as running:
        assert create(running.bootstrap, AGENTS) == 3 * AGENTS
        yield running


def test_the_dashboard_shows_the_newest_state_and_leaves_out_who_has_none(server):
    sender = Sender(server.bootstrap)
    for number in SOME[:-1]:
        agent = Agent(number, AGENTS, 1, sender)
        agent.save()
        agent.answered = number
        agent.save()
    sender.flush()
    shown = dashboard.states(server.bootstrap, SOME, lambda found: sum(it["answered"] for it in found.values()) >= 396)
    assert {number: state["answered"] for number, state in shown.items()} == {it: it for it in SOME[:-1]}


def test_a_query_asks_for_one_topic_however_many_there_are(server):
    before = sent_bytes(server)
    dashboard.states(server.bootstrap, SOME)
    query = sent_bytes(server) - before
    AdminClient({"bootstrap.servers": server.bootstrap}).list_topics(timeout=60)
    of_all_topics = sent_bytes(server) - before - query
    assert query < of_all_topics / 2, (query, of_all_topics)


def test_an_agent_that_comes_later_is_shown_to_who_reads_already(server):
    late = AGENTS + 1
    sender = Sender(server.bootstrap)
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    came = []

    def enough(found: dashboard.States) -> bool:
        if not came:  # the dashboard is at its end by now
            admin.create_topics([NewTopic(topic(late, STATE), 1, 1)])[topic(late, STATE)].result()
            Agent(late, AGENTS, 1, sender).save()
            sender.flush()
            came.append(late)
        return late in found

    assert late in dashboard.states(server.bootstrap, range(late + 1), enough)


def sent_bytes(server: Server) -> int:
    with urllib.request.urlopen(f"{server.admin_url}/metrics", timeout=10) as response:
        found = re.search(r"^headrace_kafka_sent_bytes_total (\d+)", response.read().decode(), re.M)
    assert found is not None
    return int(found[1])
