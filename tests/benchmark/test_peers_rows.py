"""What needs no peer installed: statements against the registry, rows, and drifts of values."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pinn
from pinn.problem.registry import factory

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
CLOSED = ("harmonic_oscillator", "pendulum", "kepler", "burgers", "wave")


@pytest.fixture(scope="module")
def peers():
    sys.path.insert(0, str(FOLDER))
    try:
        yield lambda name: importlib.import_module(f"peers.{name}")
    finally:
        sys.path.remove(str(FOLDER))


def names(problem, statement):
    """The registry's name of every scalar entry that a statement reads, with its index."""
    field, shape = next(iter(problem.fields.items()))
    wanted = (*statement.components, *statement.derivatives)
    for name in wanted:
        component, _, letters = name.partition("_")
        entry = f"{field}_{letters}" if letters else field
        yield name, entry, statement.components.index(component) if shape else None


def points_in(problem, count=64):
    axes = problem.axes.values()
    generator = np.random.default_rng(0)
    return [generator.uniform(a.lower, a.upper, count) for a in axes]


def entries_of(problem, statement, points, method=None):
    reference = pinn.reference(problem, method=method or pinn.references.Closed())
    table = list(names(problem, statement))
    jet = reference.jet(*points, entries=tuple(sorted({entry for _, entry, _ in table})))
    pick = lambda v, i: np.asarray(v if i is None else v[..., i])  # noqa: E731
    return {name: pick(jet[entry], index) for name, entry, index in table}


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_form_solves_the_plain_residual(peers, name):
    problem, statement = factory(name)(), peers("statements").STATEMENTS[name]
    constants = peers("exporting").constants_of(name, {})
    entries = entries_of(problem, statement, points_in(problem))
    wrong = {**constants, next(iter(constants)): 1.1 * next(iter(constants.values()))}
    size = max(np.max(np.abs(v)) for v in entries.values())
    for residual in statement.residuals(entries, constants, np):
        assert np.max(np.abs(residual)) < 1e-8 * size
    if name not in ("pendulum", "kepler"):  # whose first constant is of the initial data
        off = statement.residuals(entries, wrong, np)
        assert max(np.max(np.abs(r)) for r in off) > 1e-3


@pytest.mark.parametrize("name", ["kdv", "nls", "allen_cahn"])
def test_an_integration_solves_the_plain_residual(peers, name):
    problem, statement = factory(name)(), peers("statements").STATEMENTS[name]
    problem = replace(problem, axes={**problem.axes, "t": pinn.Interval(0.0, 0.05)})
    constants = peers("exporting").constants_of(name, {})
    entries = entries_of(problem, statement, points_in(problem), pinn.references.Lines(63))
    size = max(np.max(np.abs(v)) for v in entries.values())
    for residual in statement.residuals(entries, constants, np):
        assert np.max(np.abs(residual)) < 1e-9 * size
    if name != "nls":  # whose equation has no constant
        wrong = {name: 1.1 * value for name, value in constants.items()}
        off = statement.residuals(entries, wrong, np)
        assert max(np.max(np.abs(r)) for r in off) > 1e-6 * size


@pytest.mark.parametrize("name", [*CLOSED, "kdv", "nls", "allen_cahn"])
def test_initial_data_are_the_registrys(peers, name):
    problem, statement = factory(name)(), peers("statements").STATEMENTS[name]
    constants = peers("exporting").constants_of(name, {})
    x = np.linspace(-0.9, 0.9, 7) if statement.space == "periodic" else np.linspace(0.1, 0.9, 7)
    start = statement.initial(x, constants, np)
    for entry, value in problem.initial.items():
        field, _, letters = entry.partition("_")
        parts = [f"{c}_{letters}" if letters else c for c in statement.components]
        mine = np.stack([start[part] for part in parts], -1)
        theirs = np.asarray(value(x)) if callable(value) else np.asarray(value)
        theirs = theirs.T if theirs.ndim == 2 else theirs
        shape = problem.fields[field]
        theirs = np.broadcast_to(
            theirs[:, None] if not shape and theirs.ndim else theirs, mine.shape
        )
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def order_of(peers, **more):
    statement = peers("statements").STATEMENTS["wave"]
    usual = {"lower": (0.0, 0.0), "upper": (1.0, 1.0), "seconds": 5.0, "seed": 0}
    return peers("adapter").Order(statement, {"speed": 2.0, "overtone": 0.5}, **usual, **more)


def test_soft_initial_data_leave_only_the_walls_exact(peers):
    t, x = np.linspace(0.0, 1.0, 5), np.array([0.0, 0.3, 0.5, 0.8, 1.0])
    outputs = [np.ones(5)]
    exact = peers("ansatz").exact
    (hard,) = exact(order_of(peers), np.zeros(5), x, outputs, np)
    np.testing.assert_allclose(hard, np.sin(np.pi * x) + 0.5 * np.sin(4 * np.pi * x), atol=1e-14)
    (soft,) = exact(order_of(peers, initial="soft"), t, x, outputs, np)
    np.testing.assert_allclose(soft, 4.0 * x * (1.0 - x))


def test_looks_are_spaced_by_a_ratio_and_cost_no_time(peers, monkeypatch):
    adapter, now = peers("adapter"), [0.0]
    monkeypatch.setattr(adapter.time, "perf_counter", lambda: now[0])
    clock = adapter.Clock(order_of(peers, begun=0.0))
    now[0] = 2.0
    clock.start()
    while not clock.over():
        now[0] += 0.1

        def snapshot():
            now[0] += 100.0  # a slow look
            return len

        clock.look(snapshot)
    clock.stop()
    spent = np.array([when for when, _ in clock.looks])
    assert clock.spent() == pytest.approx(7.0, abs=0.15) and spent[0] == pytest.approx(2.1)
    assert np.all(np.diff(spent) >= 0.14 * spent[:-1]) and len(spent) == pytest.approx(9, abs=1)


def test_the_error_along_the_way_is_that_of_each_look(peers):
    problem = factory("pendulum")()
    points = peers("exporting").test_grid(problem)
    truth = np.asarray(pinn.reference(problem)(*points.T)["theta"])[:, None]
    looks = np.stack([truth + shift for shift in (1.0, 0.01, np.nan)])
    trace = peers("judging").looked(problem, [1.0, 2.0, 3.0], looks)["trace"]
    size = np.sqrt(np.mean(truth**2))
    assert trace["seconds"] == [1.0, 2.0, 3.0] and trace["error"][2] == np.inf
    assert trace["error"][:2] == pytest.approx([1.0 / size, 0.01 / size], rel=5e-3)
    assert peers("judging").looked(problem, [], None) == {}


def row_of(peers, name, shift=0.0):
    problem = factory(name)()
    truth = pinn.reference(problem)
    layout, exporting = peers("interpolation").Layout, peers("exporting")

    def values(points):
        fields = truth(*points.T)
        return np.asarray(next(iter(fields.values()))).reshape(len(points), -1) + shift

    given = {
        "grid": values(exporting.test_grid(problem)),
        "looks": values(exporting.test_grid(problem))[None],
        "ledger": values(layout.of(problem).points),
    }
    said = {
        "seconds_train": 1.0, "seconds_setup": 2.0, "seconds_import": 0.5, "seconds_total": 3.0,
        "seconds_looks": [3.0], "peak_bytes": 7,
        "steps": 3, "parameters": 4, "points": 5, "recipe": "exactly",
    }  # fmt: skip
    return peers("measuring").row(problem, said, given)


def test_exact_values_have_no_error_and_no_drift(peers):
    row = row_of(peers, "pendulum")
    assert row["relative_l2"] < 1e-14
    assert row["drift"]["energy"] < 1e-9
    assert row["seconds"] == {"run": 1.0, "compile": 2.0, "import": 0.5, "total": 3.0}
    assert row["peak_bytes"] == 7 and row["trace"]["seconds"] == [3.0]
    assert row["trace"]["error"][0] < 1e-14
    json.dumps(row)


def test_shifted_values_have_the_error_and_drift_of_the_shift(peers):
    row = row_of(peers, "harmonic_oscillator", shift=0.1)
    assert row["error"]["q"] == pytest.approx(0.1 / np.sqrt(0.52), rel=0.05)
    assert 0.05 < row["drift"]["energy"] < 1.0


def test_values_that_are_not_finite_are_a_reason(peers):
    row = row_of(peers, "harmonic_oscillator", shift=np.nan)
    assert row["reason"].startswith("diverged") and "error" not in row


def test_unknown_peers_and_problems_are_reasons(peers, capsys):
    assert peers("measuring").main(["depxde", "kepler"]) == 1
    printed = capsys.readouterr()
    row = json.loads(printed.out.splitlines()[-1])
    assert "did you mean 'deepxde'" in row["reason"]
    assert printed.err.splitlines()[-1] == row["reason"]


def test_every_peer_has_pinned_requirements(peers):
    for peer in peers("environments").PEERS.values():
        assert peer.version[0].isdigit()
        assert (FOLDER / "peers" / f"{peer.adapter}.py").is_file()
