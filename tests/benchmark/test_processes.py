"""A study as a user runs it: cells that die, an interruption, and going on from there."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from pinn.benchmark.environment import commit
from pinn.benchmark.loading import load_study
from pinn.benchmark.process import Running
from pinn.benchmark.store import read_rows

ROOT = Path(__file__).parents[2]
STUDY = """
from pinn.benchmark import Case, Outside, Study
from pinn.benchmark.report import Accuracy

CODES = {
    "good": "import json; print(json.dumps({'error': {'q': 1e-3}, 'seconds': 2.0}))",
    "killer": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "sleeper": "import pathlib, time; pathlib.Path('asleep').touch(); time.sleep(300)",
}
STUDY = Study(
    title="What if a run dies?",
    cases=(Case("kepler"),),
    methods=tuple(Outside(("python", "-c", code), name=name) for name, code in CODES.items()),
    limit=250.0,
    tables=(Accuracy(),),
)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "deaths.py"
    path.write_text(STUDY)
    return path


@contextmanager
def command(file, *words):
    # PYTHONPATH, for the working folder is the user's own.
    with subprocess.Popen(
        [sys.executable, "-m", "pinn.cli", "benchmark", str(file), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition, process=None, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def children(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in listed]


def alive(child):
    state = Path(f"/proc/{child}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def by_method(file):
    rows = read_rows(file.parent / "results" / "deaths.jsonl").values()
    return {row["method"]: row for row in rows}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_deaths_are_survived_and_the_rest_is_resumed(file):
    asleep = file.parent / "asleep"
    with command(file, "--jobs", "3") as process:
        wait_for(lambda: len(by_method(file)) == 2 and asleep.exists(), process)
        (child,) = children(process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted with 1 of 3 runs left" in said
    assert "killer: ended by the signal SIGKILL" in said
    wait_for(lambda: not alive(child))
    assert by_method(file)["good"]["error"] == {"q": 1e-3}
    assert by_method(file)["good"]["parameters"]["eccentricity"] == 0.5

    with command(file, "--limit", "2") as process:
        told, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "sleeper: not finished in 2 s" in said and "good" not in said
    assert "| kepler | good | 1.0e-03 |" in told
    assert not list((file.parent / "results").glob(".*"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_run_ends_with_the_one_that_started_it(file):
    with command(file, "--only", "sleeper") as process:
        wait_for((file.parent / "asleep").exists, process)
        (child,) = children(process)
        assert alive(child)
    wait_for(lambda: not alive(child), seconds=10.0)


def test_a_mistake_in_a_method_is_the_reason_of_the_row(tmp_path):
    file = tmp_path / "mistake.py"
    file.write_text(
        "import dataclasses\n"
        "from pinn.benchmark import AbstractMethod, Case, Study\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Wrong(AbstractMethod):\n"
        "    label = 'wrong'\n"
        "    def measure(self, order):\n"
        "        raise ValueError('first line\\nsecond')\n"
        "STUDY = Study('?', (Case('kepler'),), (Wrong(),))\n"
    )
    study, _ = load_study(str(file))
    (cell,) = study.cells()
    running = Running(cell, file, 60.0, 1)
    while (row := running.outcome()) is None:
        time.sleep(0.1)
    assert row["status"] == "failed" and row["reason"] == "ValueError: first line"
    assert row["parameters"]["mu"] == 1.0 and row["commit"] == commit()
