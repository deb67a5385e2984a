"""Which rows are current: the code that ran, the problem that was stated, the recipe completed."""

import json
from pathlib import Path

import pytest

import pinn
from pinn.benchmark import Case, Outside, Trained
from pinn.benchmark.code import fingerprint, library_code, library_files, running_words
from pinn.benchmark.report import Accuracy
from pinn.benchmark.report.files import records_of, unmarked
from pinn.benchmark.report.groups import STALE, whole_seconds
from pinn.benchmark.standing import UNKNOWN, WORDS, identity_of, why_stale
from pinn.benchmark.store import read_rows, write_rows
from pinn.benchmark.study import Cell, Study

CELL = Cell(Case("kepler", {"eccentricity": 0.3}), Trained())
SOURCE = '"""Words."""\n\n\ndef f(x):\n    """Say."""\n    y = "x"  # why\n    return x + 1\n'


@pytest.mark.parametrize(
    "same",
    [
        SOURCE.replace("Words.", "Other words."),
        SOURCE.replace("Say.", "Say it\n\n    twice."),
        SOURCE.replace("  # why", ""),
        SOURCE.replace("    return", "\n    # because\n    return"),
        SOURCE.replace("x + 1", "x  +  1"),
    ],
)
def test_comments_and_layout_do_not_run(same):
    assert same != SOURCE and running_words(same) == running_words(SOURCE)


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("x + 1", "x + 2"),
        SOURCE.replace('"x"', '"y"'),
        SOURCE.replace("    return", "    if y:\n        return"),
        SOURCE.replace("    return x + 1", "    return (\n        x - 1\n    )"),
    ],
)
def test_what_runs_counts(other):
    assert running_words(other) != running_words(SOURCE)


def test_a_fingerprint_is_of_names_and_contents(tmp_path):
    one, two = tmp_path / "a.py", tmp_path / "b.txt"
    one.write_text(SOURCE), two.write_text("pin==1")
    both = fingerprint([one, two])
    assert fingerprint([two, one]) == both != fingerprint([one])
    two.write_text("pin==2")
    assert fingerprint([one, two]) != both


def test_the_librarys_code_is_what_solves_and_judges():
    names = {path.relative_to(Path(pinn.__file__).parent).as_posix() for path in library_files()}
    assert {"solver.py", "measure.py", "training/rows.py", "benchmark/trained.py"} <= names
    assert not {n for n in names if n.startswith(("cli/", "benchmark/report/", "learning/"))}
    assert len(library_code()) == 10


def test_a_row_of_now_is_current():
    assert why_stale(CELL, {"identity": identity_of(CELL)}) is None


@pytest.mark.parametrize("what", ["code", "problem", "recipe"])
def test_what_differs_is_the_reason(what):
    identity = {**identity_of(CELL), what: "before"}
    assert why_stale(CELL, {"identity": identity}) == WORDS[what]


def test_a_row_that_kept_nothing_is_stale():
    assert why_stale(CELL, {"commit": None}) == why_stale(CELL, {}) == UNKNOWN


def test_a_default_that_changes_changes_the_identity(monkeypatch):
    """The key, under which a row is found again, does not hold the defaults; the identity does."""
    before, key = identity_of(CELL), CELL.key
    completed = pinn.Recipe(windows=pinn.Adaptive(1e-3))
    monkeypatch.setattr(pinn.Recipe, "completed", lambda self, problem: completed)
    assert CELL.key == key and why_stale(CELL, {"identity": before}) == WORDS["recipe"]


def test_an_outside_program_is_known_by_its_files(tmp_path):
    file = tmp_path / "theirs.py"
    file.write_text(SOURCE)
    cell = Cell(Case("unheard_of", {"a": 1}), Outside(("python", "theirs.py"), sources=(file,)))
    row = {"identity": identity_of(cell)}
    assert why_stale(cell, row) is None and row["identity"].keys() == {"code"}
    file.write_text(SOURCE.replace("x + 1", "x + 2"))
    assert why_stale(cell, row) == WORDS["code"]


def test_a_problem_that_cannot_be_stated_has_the_reason(tmp_path):
    cell = Cell(Case("kepler", {"eccentricity": 1.5}), Trained())
    identity = identity_of(cell)
    assert identity["problem"] and identity["problem"] == identity["recipe"]


def test_a_table_tells_stale_rows_from_current_ones(tmp_path):
    done = {
        "status": "done",
        "seconds": {"run": 1.0, "compile": 1.0, "total": 5.0},
        "error": {"q": 1e-9},
        "versions": {"jax": "0.12"},
    }
    old, new = CELL, Cell(Case("kepler", {"eccentricity": 0.4}, "e = 0.4"), Trained())
    path = tmp_path / "mine.jsonl"
    rows = [
        {**old.description(), **done},
        {**new.description(), **done, "identity": identity_of(new)},
    ]
    write_rows(path, rows)
    study = Study("?", (old.case, new.case), (Trained(),))
    table = Accuracy().render(records_of(study, path))
    marked = [STALE in line for line in table.splitlines() if line.startswith("| kepler")]
    assert marked == [True, False]
    assert f"1 of 2 lines are stale, and not measured again yet: {UNKNOWN}." in table
    assert STALE.strip() not in unmarked(table) and "| kepler, e = 0.4 | pinn |" in unmarked(table)
    assert list(read_rows(path)) == [old.key, new.key]  # the old one stays readable
    json.dumps(read_rows(path))


def test_only_rows_with_the_one_clock_are_taken_at_their_total():
    seconds = {"run": 1.0, "compile": 2.0, "total": 9.0}
    assert whole_seconds({"seconds": seconds}) == 3.0
    assert whole_seconds({"seconds": seconds, "clock": "from the imports"}) == 9.0
