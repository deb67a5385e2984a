"""A folder in the place of another: one of both is always there, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pinn.folder
from pinn.errors import CheckpointError
from pinn.folder import exchanged, recovered, whole_or_nothing


def write(target: Path, text: str) -> None:
    with whole_or_nothing(target) as folder:
        (folder / "text").write_text(text)


def listing(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


@pytest.fixture(params=[True, False], ids=["exchanged", "moved aside"])
def way(request, monkeypatch) -> bool:
    """Both ways of replacing a folder: in one step, and where the system has no such step."""
    if not request.param:
        monkeypatch.setattr(pinn.folder, "exchanged", lambda one, other: False)
    return request.param


def test_it_is_new_or_replaced_and_nothing_else_is_left(way, tmp_path):
    for text in ("first", "second"):
        write(tmp_path / "run", text)
        assert (tmp_path / "run" / "text").read_text() == text
        assert listing(tmp_path) == ["run"]


def test_a_failure_leaves_the_old_one(way, tmp_path):
    write(tmp_path / "run", "first")
    with pytest.raises(RuntimeError), whole_or_nothing(tmp_path / "run") as folder:
        (folder / "text").write_text("half")
        raise RuntimeError
    assert (tmp_path / "run" / "text").read_text() == "first"
    assert listing(tmp_path) == ["run"]


CRASH = """
import os, sys
from pathlib import Path
import pinn.folder
from pinn.folder import whole_or_nothing
place, step = sys.argv[1:]
if step != "exchange":
    pinn.folder.exchanged = lambda one, other: False
rename, count = Path.rename, []
def crash(self, target):
    if len(count) == (0 if step == "first" else 1):
        os._exit(7)
    count.append(1)
    return rename(self, target)
with whole_or_nothing(Path("run")) as folder:
    (folder / "text").write_text("second")
    if place == "inside":
        os._exit(7)
    Path.rename = crash
"""


@pytest.mark.parametrize(("place", "step"), [("inside", "exchange"), ("rename", "second")])
def test_a_crash_leaves_a_whole_one_and_the_next_save_clears_up(tmp_path, place, step):
    """A process that dies while it writes, or between moving the old aside and the new in."""
    write(tmp_path / "run", "first")
    run = subprocess.run([sys.executable, "-c", CRASH, place, step], cwd=tmp_path, check=False)
    assert run.returncode == 7 and len(listing(tmp_path)) > 1
    assert (recovered(tmp_path / "run") / "text").read_text() == "first"
    write(tmp_path / "run", "third")
    assert listing(tmp_path) == ["run"]
    assert (tmp_path / "run" / "text").read_text() == "third"


def test_what_others_are_writing_is_left_alone(tmp_path):
    write(tmp_path / "run", "first")
    alive = tmp_path / f"{pinn.folder._prefix(tmp_path / 'run')}abc.part"
    alive.mkdir()
    elsewhere = tmp_path / ".run.another-machine-1-abc.part"
    elsewhere.mkdir()
    write(tmp_path / "run", "second")
    assert alive.is_dir() and elsewhere.is_dir()


def test_a_reader_never_misses_it(tmp_path):
    """Where the system exchanges names, the target exists at every moment."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    (one / "which").write_text("one")
    if not exchanged(one, other):
        pytest.skip("this system cannot exchange two names")
    assert (other / "which").read_text() == "one" and not (one / "which").exists()


def test_where_nothing_can_be_written_a_sentence_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CheckpointError, match="Cannot write to"),
        whole_or_nothing(tmp_path / "file" / "run"),
    ):
        os.abort()
