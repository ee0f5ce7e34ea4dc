#!/usr/bin/env python3
"""From a bucket to a training, with a stage that has a bug, is mended, and is run again by itself.

    examples/pipeline/run.py

Starts a server of its own in a temporary folder. Ends with 0 if no run of the training saw records of two versions, and
none twice.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import msgpack  # noqa: E402

import shapes  # noqa: E402
import train  # noqa: E402
from reading import count, read  # noqa: E402
from serving import Server, started_server  # noqa: E402
from versions import Versions  # noqa: E402

RAW = "raw"
SOURCE = {
    "headrace.storage.mode": "source",
    "headrace.source.uri": "bucket://",
    "headrace.source.join": "images/=png,captions/=txt",
    "headrace.source.join.required": "png,txt",
}
PART = 70  # records; less than a third of the dataset
PAUSE_S = 0.03  # after each record, of a stage that is to be killed
DEADLINE_S = 120.0


class Pipeline:
    """Runs stages, each in a process of its own, and publishes what they have made."""

    def __init__(self, server: Server) -> None:
        self.admin_url = server.admin_url
        self.bootstrap = server.bootstrap
        self.versions = Versions(self.bootstrap)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()  # those that have not ended, after an error
            process.wait()

    def open_bucket(self) -> None:
        """Makes the topic over the objects, and waits until it is known how many samples there are."""
        self.versions.create(RAW, SOURCE)
        self._ask(f"/sources/{RAW}/index", "POST")
        deadline = time.monotonic() + DEADLINE_S
        while not self._ask(f"/sources/{RAW}")["complete"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the index was not complete in time: timeout_s={DEADLINE_S}")
            time.sleep(0.02)

    def start(self, step: str, source: str, made: str, pause_s: float = 0) -> subprocess.Popen[bytes]:
        arguments = ["--step", step, "--input", source, "--output", made, "--pause-s", str(pause_s)]
        command = [sys.executable, str(HERE / "stage.py"), "--bootstrap", self.bootstrap, *arguments]
        self._processes.append(subprocess.Popen(command))
        return self._processes[-1]

    def make(self, step: str, source: str, made: str) -> None:
        """Has a stage make a version, and publishes it."""
        self.versions.begin(made)
        self.finish(self.start(step, source, made), source, made)

    def finish(self, process: subprocess.Popen[bytes], source: str, made: str) -> None:
        if process.wait(DEADLINE_S) != 0:
            raise RuntimeError(f"a stage failed: made={made}")
        self.versions.publish(made, source)

    def store_reads(self) -> int:
        """How often the server has read from the bucket."""
        with urllib.request.urlopen(f"{self.admin_url}/metrics", timeout=DEADLINE_S) as response:
            found = re.search(r"^headrace_source_store_reads_total (\d+)", response.read().decode(), re.M)
        assert found is not None
        return int(found[1])

    def kill_in_the_middle(self, process: subprocess.Popen[bytes], made: str, records: int) -> None:
        """SIGKILL, as soon as it has written so many."""
        try:
            written = read(self.bootstrap, made, follow=True)
            assert sum(1 for _ in itertools.islice(written, records)) == records
            assert process.poll() is None, "it has ended before it could be killed"
        finally:
            process.kill()
            process.wait()

    def count(self, topic: str) -> int:
        return count(self.bootstrap, topic)

    def _ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.admin_url + path, method=method, headers={"X-Headrace": "1"})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return json.load(response)


def demonstrate(pipeline: Pipeline) -> bool:
    bootstrap, versions = pipeline.bootstrap, pipeline.versions
    pipeline.open_bucket()
    print(f"raw:       {pipeline.count(RAW)} samples of two objects each")

    pipeline.make("clean_with_a_bug", RAW, "clean.v1")
    versions.show("clean.v1")
    pipeline.make("augment", versions.shown("clean"), "augmented.v1")
    versions.show("augmented.v1")
    first = train.Run(bootstrap)
    first.train(PART)
    tell("run 1", first)

    # The bug is seen and mended: this stage alone is run again, and is killed in the middle of it.
    reads = pipeline.store_reads()
    versions.begin("clean.v2")
    pipeline.kill_in_the_middle(pipeline.start("clean", RAW, "clean.v2", PAUSE_S), "clean.v2", PART)
    print(f"killed:    the stage that makes clean.v2, by SIGKILL, with {pipeline.count('clean.v2')} records written")
    pipeline.finish(pipeline.start("clean", RAW, "clean.v2"), RAW, "clean.v2")
    reads = pipeline.store_reads() - reads
    print(f"again:     clean.v2 has {pipeline.count('clean.v2')} records, none twice; "
          f"the bucket was read {reads} times")  # fmt: skip
    versions.show("clean.v2")
    cleaned = versions.shown("clean")

    branches = {"augmented.v2": "augment", "words.v1": "words", "pieces.v1": "pieces"}
    for made in branches:
        versions.begin(made)
    processes = {made: pipeline.start(step, cleaned, made) for made, step in branches.items()}
    for made, process in processes.items():
        pipeline.finish(process, cleaned, made)
    versions.show("augmented.v2")
    print("shown:     augmented.v2, to whom begins now")

    first.join()
    first.train(PART)
    first.end()
    tell("run 1 on", first)
    second = train.Run(bootstrap)
    second.train()
    second.end()
    tell("run 2", second)
    versions.show("augmented.v1")
    print("shown:     augmented.v1 again")
    third = train.Run(bootstrap)
    third.train()
    third.end()
    tell("run 3", third)

    compare_tokenizers(bootstrap)
    show_trail(max(second.seen, key=lambda it: it.key))
    return books_are_right(reads, first, second, third)


def tell(name: str, run: train.Run) -> None:
    colours = ", ".join(f"{word} {colour}" for word, colour in sorted(run.model.colours().items()))
    print(f"{name:<10} {len(run.seen)} records of {' and '.join(sorted(versions_in(run)))}: {colours}")


def versions_in(run: train.Run) -> set[str]:
    return {seen.version for seen in run.seen}


def compare_tokenizers(bootstrap: str) -> None:
    print("tokenizer  vocabulary  tokens per caption")
    for topic in ("words.v1", "pieces.v1"):
        captions = [json.loads(msgpack.unpackb(message.value())["tokens"]) for message in read(bootstrap, topic)]
        tokens = [token for caption in captions for token in caption]
        print(f"{topic:<10} {len(set(tokens)):>10}  {len(tokens) / len(captions):>18.1f}")


def show_trail(seen: train.Seen) -> None:
    print(f"trail:     {seen.key}, of {' and '.join(seen.objects)}")
    for made in reversed(seen.trail):
        print(f"           {made}")


def books_are_right(reads: int, first: train.Run, second: train.Run, third: train.Run) -> bool:
    """Prints what was to be shown, and whether it was."""
    old, new = {"clean.v1", "augmented.v1"}, {"clean.v2", "augmented.v2"}
    made_by = [{made.made for seen in run.seen for made in seen.trail} for run in (first, second, third)]
    wanted = shapes.with_caption()
    right = {
        "the stage was run again without reading the bucket": reads == 0,
        "run 1 saw the old version alone, also a worker that joined after the new one was shown": made_by[0] == old
        and {seen.worker for seen in first.seen} == {0, 1},
        "run 2 saw the new version alone": made_by[1] == new,
        "run 2 saw every sample once, and words that are colours": sorted(seen.key for seen in second.seen) == wanted
        and second.model.colours().keys() == shapes.COLOURS.keys(),
        "run 3 went on in the old version where run 1 had ended": made_by[2] == old
        and sorted(seen.key for seen in first.seen + third.seen) == wanted,
    }
    for claim, holds in right.items():
        print(f"{'yes' if holds else 'NO':<10} {claim}")
    return all(right.values())


@contextmanager
def bucket(folder: Path) -> Iterator[Server]:
    """A server, and a folder that stands for a bucket with the dataset in it."""
    shapes.write(folder / "bucket")
    with started_server(folder, {"headrace.store.bucket.uri": f"{(folder / 'bucket').as_uri()}/"}) as running:
        yield running


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="headrace-pipeline-") as temporary:
        with bucket(Path(temporary)) as running, Pipeline(running) as pipeline:
            return 0 if demonstrate(pipeline) else 1


if __name__ == "__main__":
    sys.exit(main())
