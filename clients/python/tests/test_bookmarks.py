"""Bookmarks of a real server: with the positions of groups, with states, and with both."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace import BookmarkError, Bookmarks, HeadraceDataset, HeadraceLoader

GROUP = "train"


@pytest.fixture(scope="module")
def bookmarks(server):
    return Bookmarks(server.admin_url)


def commit(server, topic, *offsets, group=GROUP):
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": group})
    consumer.commit(
        offsets=[TopicPartition(topic, partition, offset) for partition, offset in enumerate(offsets)],
        asynchronous=False,
    )
    consumer.close()


def committed(server, topic, partitions, group=GROUP):
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": group})
    try:
        asked = [TopicPartition(topic, partition) for partition in range(partitions)]
        return [max(-1, found.offset) for found in consumer.committed(asked, timeout=60)]
    finally:
        consumer.close()


def test_positions_and_state_come_back_together(server, bookmarks):
    topic = server.records([[b"%d" % n for n in range(9)]] * 2)
    commit(server, topic, 3, 4)
    bookmarks.save("both", 100, group=GROUP, state={"epoch": 1, "loss": 0.5})
    commit(server, topic, 7, 8)
    assert bookmarks.restore("both", 100) == {"epoch": 1, "loss": 0.5}
    assert committed(server, topic, 2) == [3, 4]


def test_notes_on_a_group_are_kept(bookmarks):
    assert bookmarks.note("team/run 1", model="resnet", commit="4f1c") == {"model": "resnet", "commit": "4f1c"}
    assert bookmarks.note("team/run 1", commit="", lr="0.1") == {"model": "resnet", "lr": "0.1"}
    assert bookmarks.note("team/run 2") == {}


def test_another_group_is_given_the_positions(server, bookmarks):
    topic = server.records([[b"%d" % n for n in range(9)]] * 3)
    commit(server, topic, 3, 4, group="one")
    bookmarks.save("moved", 1, group="one")
    commit(server, topic, 1, 1, 1, group="two")
    assert bookmarks.restore("moved", 1, group="two") is None
    assert committed(server, topic, 3, group="two") == [3, 4, -1]


def test_a_loader_goes_on_at_its_bookmark(server, bookmarks):
    topic = server.files([b"%d" % n for n in range(60)], 6)

    def loader(rank, world_size):
        dataset = HeadraceDataset(
            topic, server.bootstrap, decode=lambda record: int(record.value), rank=rank, world_size=world_size, settle_s=0
        )
        return HeadraceLoader(dataset, 6 // world_size, collate_fn=list)

    one = loader(0, 1)
    seen = [sample for batch in islice(iter(one), 4) for sample in batch]
    bookmarks.save("loader", 4, state=one.state_dict())
    rest = []
    ranks = [loader(rank, 2) for rank in range(2)]
    for each in ranks:
        each.load_state_dict(bookmarks.state("loader", 4))
    for batches in zip(*ranks):
        rest += [sample for pair in zip(*batches) for sample in pair]
    assert seen + rest == list(range(60))


def test_names_are_listed_in_order_and_deleted(bookmarks):
    for step in (100, 9, 20):
        bookmarks.save("list-b", step, state={})
    bookmarks.save("list-a", 7, state={})
    listed = [(saved.job, saved.step) for saved in bookmarks.list() if saved.job.startswith("list-")]
    assert listed == [("list-a", 7), ("list-b", 9), ("list-b", 20), ("list-b", 100)]
    assert [saved.step for saved in bookmarks.list("list-b")] == [9, 20, 100]
    assert bookmarks.last_step("list-b") == 100
    bookmarks.delete("list-b", 100)
    assert bookmarks.last_step("list-b") == 20
    assert bookmarks.last_step("list-c") is None


def test_what_is_refused_names_the_thing(bookmarks):
    with pytest.raises(BookmarkError, match="no such bookmark: bookmark=none@1") as absent:
        bookmarks.restore("none", 1)
    assert absent.value.status == 404
    with pytest.raises(BookmarkError, match="value=a b@1") as name:
        bookmarks.save("a b", 1, state={})
    assert name.value.status == 400
    with pytest.raises(BookmarkError, match="group=nobody") as group:
        bookmarks.save("a", 1, group="nobody")
    assert group.value.status == 409


def test_a_bookmark_outlives_a_killed_server(own_server):
    bookmarks = Bookmarks(own_server.admin_url)
    topic = own_server.records([[b"x"] * 9])
    commit(own_server, topic, 5)
    state = {"text": "Gänse" * 1000}
    bookmarks.save("killed", 3, group=GROUP, state=state)
    own_server.kill()
    own_server.start()
    commit(own_server, topic, 6)
    assert bookmarks.restore("killed", 3) == json.loads(json.dumps(state))
    assert committed(own_server, topic, 1) == [5]


def test_lost_answers_are_asked_for_again(monkeypatch):
    answers = [(200, 99, b"{"), None, (404, 2, b"{}")]  # cut off in the middle, none at all, already deleted

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            answer = answers.pop(0)
            if answer is not None:
                status, length, body = answer
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with HTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            Bookmarks(f"http://127.0.0.1:{listener.server_address[1]}").delete("llama", 1)
        finally:
            listener.shutdown()
    assert answers == []
