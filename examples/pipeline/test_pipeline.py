"""The example, run as its README says, and what its stages promise."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="Pillow is not installed: apt-get install python3-pil")
pytest.importorskip("msgpack", reason="msgpack is not installed: apt-get install python3-msgpack")
pytest.importorskip("numpy", reason="numpy is not installed: apt-get install python3-numpy")

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from confluent_kafka import Producer  # noqa: E402
from PIL import Image  # noqa: E402

import shapes  # noqa: E402
import steps  # noqa: E402
from reading import read  # noqa: E402
from run import PAUSE_S, Pipeline, bucket  # noqa: E402
from serving import LAUNCHER  # noqa: E402
from trail import trail  # noqa: E402

WAIT_S = 60.0
FEW, MORE = 60, 140


def test_no_run_of_the_training_mixes_versions_and_none_sees_a_sample_twice():
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("yes  ") == 5, done.stdout
    assert "228 records of augmented.v2: amber " in done.stdout
    assert "and captions/" in done.stdout


def test_image_and_caption_are_edited_together():
    for side in ("left", "right"):
        png = io.BytesIO()
        shapes.draw("navy", "ring", side).save(png, "PNG")
        made = steps.augment({"png": png.getvalue(), "txt": f"navy ring on the {side}".encode()})
        assert made["txt"] == b"navy ring"
        cropped = Image.open(io.BytesIO(made["png"]))
        assert cropped.size == (shapes.SIDE // 2, shapes.SIDE)
        assert shapes.COLOURS["navy"] in cropped.getdata()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with bucket(tmp_path_factory.mktemp("pipeline")) as server, Pipeline(server) as pipeline:
        pipeline.open_bucket()
        yield pipeline


def test_a_stage_that_is_killed_again_and_again_makes_what_an_undisturbed_one_makes(pipeline):
    pipeline.make("clean", "raw", "clean.undisturbed")
    pipeline.versions.begin("clean.killed")
    for records in (FEW, MORE):
        process = pipeline.start("clean", "raw", "clean.killed", PAUSE_S)
        pipeline.kill_in_the_middle(process, "clean.killed", records)
    with pytest.raises(ValueError, match="the version is not complete"):
        pipeline.versions.publish("clean.killed", "raw")
    pipeline.finish(pipeline.start("clean", "raw", "clean.killed"), "raw", "clean.killed")
    assert contents(pipeline, "clean.killed") == contents(pipeline, "clean.undisturbed")


def test_processes_share_a_stage_and_one_that_is_killed_may_be_started_again(pipeline):
    pipeline.versions.begin("clean.shared")
    killed, other = (pipeline.start("clean", "raw", "clean.shared", PAUSE_S) for _ in range(2))
    pipeline.kill_in_the_middle(killed, "clean.shared", FEW)
    again = pipeline.start("clean", "raw", "clean.shared")
    assert other.wait(WAIT_S) == 0
    pipeline.finish(again, "raw", "clean.shared")
    assert [it[0] for it in contents(pipeline, "clean.shared")] == shapes.with_caption()


def test_what_was_written_twice_is_not_published(pipeline):
    pipeline.versions.begin("clean.twice")
    assert pipeline.start("clean", "raw", "clean.twice").wait(WAIT_S) == 0
    first = next(read(pipeline.bootstrap, "clean.twice"))
    producer = Producer({"bootstrap.servers": pipeline.bootstrap})
    producer.produce("clean.twice", first.value(), first.key(), first.partition(), headers=first.headers())
    assert producer.flush(WAIT_S) == 0
    with pytest.raises(ValueError, match="a record is there twice"):
        pipeline.versions.publish("clean.twice", "raw")


def test_what_a_version_was_made_of_is_shown_again(pipeline, tmp_path):
    pipeline.make("clean", "raw", "clean.known")
    manifest = str(tmp_path / "clean.known.json")
    lineage(pipeline, "export", "clean.known", "--output", manifest)
    lineage(pipeline, "replay", manifest, "--name", "again")
    again, raw = (
        {(it.partition(), it.offset(), it.value()) for it in read(pipeline.bootstrap, topic)}
        for topic in ("again", "raw")
    )
    assert again == raw


def lineage(pipeline, *arguments):
    server = ["--bootstrap-server", pipeline.bootstrap, "--admin-server", pipeline.admin_url.removeprefix("http://")]
    subprocess.run([LAUNCHER, "lineage", *arguments, *server], check=True, timeout=WAIT_S)


def contents(pipeline, topic):
    """Of each record its key, its value, and which record it was made of; by key."""
    records = read(pipeline.bootstrap, topic)
    return sorted((it.key().decode(), it.value(), it.partition(), trail(it)[-1].offset) for it in records)
