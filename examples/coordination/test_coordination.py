"""The example, run as its README says, and what its parts promise."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from control import CONFIG, Control, Controller, Settings  # noqa: E402
import worker  # noqa: E402
from serving import Server, started_server  # noqa: E402

TOPIC = "run.control"
WAIT_S = 60.0


def test_all_workers_have_the_same_settings_in_every_step_and_pause_together_after_a_nan():
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout
    assert "4 workers paused before step " in done.stdout
    assert done.stdout.count("yes  ") == 4, done.stdout


def test_the_newest_record_of_a_key_says_what_holds_at_every_step():
    settings = Settings({"learning-rate": [(0, 0.1)]})
    newest = Settings({"learning-rate": settings.changed("learning-rate", 0.05, 40)})
    assert [newest.at(step)["learning-rate"] for step in (0, 39, 40, 1000)] == [0.1, 0.1, 0.05, 0.05]


def test_a_change_takes_the_place_of_what_was_to_begin_later():
    settings = Settings({"learning-rate": [(0, 0.1), (40, 0.05), (80, 0.01)]})
    assert settings.changed("learning-rate", 0.07, 40) == [(0, 0.1), (40, 0.07)]


def test_what_one_worker_has_read_holds_only_once_all_have_read_it(tmp_path):
    with started_server(tmp_path) as server:
        topic = NewTopic(TOPIC, num_partitions=1, replication_factor=1, config=CONFIG)
        admin = AdminClient({"bootstrap.servers": server.bootstrap})
        admin.create_topics([topic])[TOPIC].result(WAIT_S)
        controller = Controller(server.bootstrap, TOPIC)
        controller.change("learning-rate", 0.1, 0)
        control = Control(server.bootstrap, TOPIC)
        try:
            assert control.read_all(WAIT_S) == 1
            assert control.agree(0).at(7) == {}  # another worker may not have read it
            controller.change("learning-rate", 0.05, 0)
            deadline = time.monotonic() + WAIT_S
            while control.end < 2 and time.monotonic() < deadline:
                control.wait(1, WAIT_S)
            assert control.agree(1).at(7) == {"learning-rate": 0.1}
            assert control.agree(2).at(7) == {"learning-rate": 0.05}
        finally:
            control.close()
        # Who begins later writes on from what is there.
        Controller(server.bootstrap, TOPIC).change("learning-rate", 0.01, 90)
        later = Control(server.bootstrap, TOPIC)
        try:
            assert later.agree(later.read_all(WAIT_S)).schedules == {"learning-rate": [(0, 0.05), (90, 0.01)]}
        finally:
            later.close()


def test_who_joins_does_not_take_what_the_others_have_not_read(tmp_path):
    with started_server(tmp_path) as server:
        controller = created(server)
        controller.change("batch-size", 32, 0)
        controller.change("batch-size", 64, 0)
        control = Control(server.bootstrap, TOPIC)
        ends = iter([1, 1, 2])
        seen = []

        class Others:
            """Whose step is 5 to begin with, and one of whom reads the second record late."""

            step = 4

            def agree(self, step: int, end: int) -> tuple[int, int]:
                seen.append(dict(control.settings.schedules))
                self.step += 1
                return self.step, min(end, next(ends))

        try:
            begin = control.read_all(WAIT_S)
            assert begin == 2
            assert worker.catch_up(Others(), control, begin) == 7
            assert seen == [{}, {}, {}]
            assert control.settings.at(7) == {"batch-size": 64}
        finally:
            control.close()


def test_a_change_that_ended_with_an_error_is_looked_for_before_the_next(tmp_path, monkeypatch):
    with started_server(tmp_path) as server:
        controller = created(server)
        controller.change("learning-rate", 0.1, 0)
        with monkeypatch.context() as shorter:
            shorter.setattr("control.WRITE_S", 1.0)
            server.process.send_signal(signal.SIGSTOP)
            try:
                with pytest.raises(TimeoutError):
                    controller.change("learning-rate", 0.05, 40)
            finally:
                server.process.send_signal(signal.SIGCONT)
        control = Control(server.bootstrap, TOPIC)
        try:
            deadline = time.monotonic() + WAIT_S
            while control.end < 2 and time.monotonic() < deadline:
                control.wait(1, 1.0)
            controller.change("learning-rate", 0.01, 90)
            while control.end < 3 and time.monotonic() < deadline:
                control.wait(2, 1.0)
            assert control.agree(3).schedules == {"learning-rate": [(0, 0.1), (40, 0.05), (90, 0.01)]}
        finally:
            control.close()


def created(server: Server) -> Controller:
    topic = NewTopic(TOPIC, num_partitions=1, replication_factor=1, config=CONFIG)
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    admin.create_topics([topic])[TOPIC].result(WAIT_S)
    return Controller(server.bootstrap, TOPIC)
