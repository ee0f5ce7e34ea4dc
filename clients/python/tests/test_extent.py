"""Who knows how far a topic reaches."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headrace import AdminExtents, Extent, HeadraceDataset, IndexIncomplete, KafkaExtents, Value, text


@pytest.fixture
def admin():
    """Answers as the admin listener does; `answers` are used up but for the last."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/sources/digits"
            body = json.dumps(answers.pop(0) if len(answers) > 1 else answers[0]) if found else "no"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    answers = [{"complete": True, "endOffsets": [3, 2], "generation": 4}]
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}/", answers
    listener.shutdown()
    listener.server_close()
    thread.join()


def test_the_admin_listener_tells_a_complete_source(admin):
    url, _ = admin
    assert AdminExtents(url).extent("digits") == Extent("digits", (0, 0), (3, 2), generation=4)


def test_an_incomplete_source_is_an_error_or_waited_for(admin):
    url, answers = admin
    answers.insert(0, {"complete": False, "endOffsets": [1, 0], "generation": 4})
    with pytest.raises(IndexIncomplete, match="headrace source index digits"):
        AdminExtents(url).extent("digits")
    answers.insert(0, {"complete": False, "endOffsets": [1, 0], "generation": 4})
    assert AdminExtents(url, wait_s=30).extent("digits").total == 5


def test_an_unknown_source_is_an_error(admin):
    with pytest.raises(LookupError, match="/sources/other"):
        AdminExtents(admin[0]).extent("other")


def test_kafka_tells_beginning_and_end(server):
    name = server.records([[b"a", b"b"], [], [b"c"]])
    assert KafkaExtents(server.bootstrap, {}, settle_s=0).extent(name) == Extent(name, (0, 0, 0), (2, 0, 1))
    assert KafkaExtents(server.bootstrap, {}).extent(name) == Extent(name, (0, 0, 0), (2, 0, 1))


def test_lines_that_nobody_has_read_are_counted_by_reading_on(server):
    lines = {f"{shard:02}.txt": [b"%d %d" % (shard, n) for n in range(20_000)] for shard in range(4)}
    name = server.lines(lines, partitions=2)
    dataset = HeadraceDataset(name, server.bootstrap, decode=Value(text))
    assert len(dataset) == 80_000
    assert sorted(dataset) == sorted(line.decode() for shard in lines.values() for line in shard)


def test_an_empty_topic_is_waited_for_and_then_an_error(server):
    name = server.records([[], []])
    with pytest.raises(IndexIncomplete, match=f"no record: topic={name}"):
        KafkaExtents(server.bootstrap, {}, timeout_s=0.3, settle_s=0).extent(name)
    producer = threading.Timer(0.3, server.produce, (name, [[b"x"]]))
    producer.start()
    assert KafkaExtents(server.bootstrap, {}, settle_s=0).extent(name).total == 1
    producer.join()


@pytest.mark.parametrize("begin, end", [((), ()), ((0,), (1, 2)), ((3,), (2,)), ((-1,), (2,))])
def test_extents_that_cannot_be_are_refused(begin, end):
    with pytest.raises(ValueError):
        Extent("t", begin, end)
