"""Rows on disk, which of them settle a run, and what counts as a regression."""

import json
from importlib.util import find_spec

import pytest

import pinn
from pinn.benchmark import Case, Integrated
from pinn.benchmark.regression import regressions
from pinn.benchmark.running import keep, missing
from pinn.benchmark.standing import identity_of
from pinn.benchmark.store import flat, has_parquet, known_rows, read_rows, write_parquet, write_rows
from pinn.benchmark.study import Cell
from pinn.references import Adaptive

CELL = Cell(Case("pendulum"), Integrated(Adaptive("Dopri8", 1e-10)))


def row(**more):
    return {
        **CELL.description(),
        "status": "done",
        "error": {"theta": 1e-9},
        "drift": {"energy": 1e-10},
        "commit": "abc",
        **more,
    }


def test_a_row_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "study.jsonl"
    keep(path, row())
    keep(path, {**row(), "key": "other"})
    keep(path, row(commit="later"))
    assert {key: found["commit"] for key, found in read_rows(path).items()} == {
        CELL.key: "later",
        "other": "abc",
    }
    assert list(path.parent.iterdir()) == [path]


def test_the_later_row_of_all_studies_counts_and_others_failures_do_not(tmp_path):
    mine, other = tmp_path / "mine.jsonl", tmp_path / "other.jsonl"
    write_rows(mine, [row(recorded="2026-01-02", commit="mine")])
    write_rows(other, [row(recorded="2026-01-03", commit="theirs")])
    assert known_rows(mine)[CELL.key]["commit"] == "theirs"
    write_rows(other, [row(recorded="2026-01-03", status="failed", reason="no")])
    assert known_rows(mine)[CELL.key]["commit"] == "mine"
    mine.unlink()
    assert known_rows(mine) == {}


def test_what_is_no_json_is_told(tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"key": "a"}\n{"key": ')
    with pytest.raises(pinn.PinnError, match="move the file away"):
        read_rows(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("found", "options", "runs"),
    [
        (None, {}, True),
        (row(), {}, False),
        (row(identity=identity_of(CELL)), {"stale": True}, False),
        (row(), {"stale": True}, True),
        (row(status="failed"), {}, False),
        (row(status="failed"), {"retry": True}, True),
        (row(), {"retry": True}, False),
        (row(status="timeout", limit=10.0), {}, False),
        (row(status="timeout", limit=5.0), {}, True),
    ],
)
def test_which_runs_are_left(found, options, runs):
    rows = {} if found is None else {CELL.key: found}
    assert missing([CELL], rows, 10.0, **options) == ((CELL,) if runs else ())


def test_a_flat_row_has_a_column_a_quantity():
    columns = flat(row(points=[3, 4]))
    assert columns["error.theta"] == 1e-9 and columns["drift.energy"] == 1e-10
    assert columns["parameters.end"] == CELL.parameters["end"]
    assert json.loads(columns["points"]) == [3, 4]
    assert json.loads(columns["configuration"])["kind"] == "Integrated"


@pytest.mark.skipif(not has_parquet(), reason="pyarrow is an extra")
def test_parquet_holds_every_row_and_column(tmp_path):
    from pyarrow import parquet

    rows = [row(), {**row(), "key": "b", "status": "failed", "reason": "no", "points": [1]}]
    write_parquet(tmp_path / "study.parquet", rows)
    table = parquet.read_table(tmp_path / "study.parquet").to_pylist()
    assert [one["reason"] for one in table] == [None, "no"]
    assert table[0]["error.theta"] == 1e-9


def test_parquet_is_known_to_be_an_extra():
    assert has_parquet() == (find_spec("pyarrow") is not None)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (row(), None),
        (row(error={"theta": 9e-9}), None),
        (row(error={"theta": 2e-8}), "the error of theta is 2.0e-08; it was 1.0e-09"),
        (row(drift={"energy": 2e-9}), "the drift of energy"),
        (row(error={"theta": float("nan")}), "the error of theta is nan"),
        (row(drift={}), "the drift of energy is gone"),
        (row(status="failed", reason="boom"), "boom"),
        ({**row(), "key": "new"}, "no committed row"),
    ],
)
def test_ten_times_worse_is_a_regression(now, says):
    found = regressions({CELL.key: row()}, [now])
    assert (says is None) == (not found)
    assert says is None or says in found[0]


def test_round_off_is_no_regression():
    old = row(error={"theta": 1e-15}, drift={"energy": 1e-16})
    assert not regressions({CELL.key: old}, [row(error={"theta": 9e-13}, drift={"energy": 1e-13})])
