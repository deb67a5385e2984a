"""Unknown constants by peers: statements against the registry, data, rows and their table."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pinn.benchmark.loading import load_study
from pinn.benchmark.method import Order
from pinn.problem.registry import factory

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
NAMES = ("lorenz_inverse", "burgers_inverse")


@pytest.fixture(scope="module")
def peers():
    sys.path.insert(0, str(FOLDER))
    try:
        yield lambda name: importlib.import_module(f"peers.{name}")
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def problems():
    return {name: factory(name)() for name in NAMES}


@pytest.fixture(scope="module")
def study():
    return load_study("inverse_peers")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_residual_is_the_registrys(peers, problems, name):
    problem, statement = problems[name], peers("inverse_statements").INVERSE[name]
    generator = np.random.default_rng(0)
    constants = {unknown: generator.normal() for unknown in problem.unknowns}
    entries = {e: generator.normal() for e in (*statement.components, *statement.derivatives)}
    vector = problem.fields["u"]

    def entry(letters):
        parts = [entries[f"{c}_{letters}" if letters else c] for c in statement.components]
        return np.array(parts) if vector else parts[0]

    letters = {e.partition("_")[2] for e in entries}
    jet = {f"u_{one}" if one else "u": entry(one) for one in letters}
    registered = np.ravel(problem.residual(SimpleNamespace(**jet, **constants)))
    np.testing.assert_allclose(statement.residuals(entries, constants, np), registered, rtol=1e-13)


def test_the_start_is_the_registrys_and_the_ends_stay_at_zero(peers, problems):
    problem, statement = problems["burgers_inverse"], peers("inverse_statements").INVERSE
    x = np.linspace(-1.0, 1.0, 9)
    start = statement["burgers_inverse"].initial(x, {}, np)["u"]
    np.testing.assert_allclose(start, np.asarray(problem.initial["u"](x)), atol=1e-14)
    (data,) = factory("burgers_inverse")(noise=0.0).data
    distance = 1.0 - np.abs(np.asarray(data.points["x"]))
    assert np.all(np.abs(np.asarray(data.values["u"])) <= np.pi * distance)
    assert statement["lorenz_inverse"].initial(x, {}, np) == {}  # as in the registry


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_gets_the_registrys_data_and_guesses(peers, problems, tmp_path, name):
    problem, statement = problems[name], peers("inverse_statements").INVERSE[name]
    peers("inverse_measuring").export(tmp_path, problem, statement, 60.0, 3, scaled=True)
    order = json.loads((tmp_path / "order.json").read_text())
    written = np.load(tmp_path / "data.npz")
    (data,) = problem.data
    places = [np.asarray(data.points[axis]) for axis in statement.coordinates]
    np.testing.assert_array_equal(written["points"], np.stack(places, 1))
    values = np.asarray(data.values["u"]).reshape(len(places[0]), -1)
    np.testing.assert_array_equal(written["values"], values)
    assert (order["seconds"], order["seed"], order["scaled"]) == (60.0, 3, True)
    stated = {n: unknown.guess for n, unknown in problem.unknowns.items()}
    assert order["guesses"] == {n: 1.0 if g is None else g for n, g in stated.items()}
    assert "parameters" not in order and "constants" not in order  # the truth stays here


def ordered(peers, problem, scaled):
    points, values = peers("inverse_measuring").measurements(
        problem, peers("inverse_statements").INVERSE[problem.name]
    )
    axes = problem.axes.values()
    return peers("inverse_adapter").Order(
        peers("inverse_statements").INVERSE[problem.name],
        {},
        tuple(axis.lower for axis in axes),
        tuple(axis.upper for axis in axes),
        points,
        values,
        1.0,
        0,
        scaled,
    )


@pytest.mark.parametrize("name", NAMES)
def test_scaled_inputs_and_outputs_have_the_size_of_one(peers, problems, name):
    order = ordered(peers, problems[name], scaled=True)
    reached = (order.points - order.middle) / order.reach
    assert np.all(np.abs(reached) <= 1.0) and np.max(np.abs(reached)) > 0.99
    outputs = (order.values - order.center) / order.size
    np.testing.assert_allclose(np.mean(outputs, 0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.std(outputs, 0), 1.0)
    plain = ordered(peers, problems[name], scaled=False)
    assert plain.weight == 1.0 and not np.any(plain.center) and np.all(plain.reach == 1.0)


def test_a_clock_of_another_timer_does_not_read_the_walls(peers, monkeypatch):
    adapter, now = peers("adapter"), [5.0]
    order = SimpleNamespace(seconds=2.0, begun=4.0)
    clock = adapter.Clock(order, lambda: now[0])
    monkeypatch.setattr(adapter.time, "perf_counter", lambda: 1e9)
    clock.start()
    assert clock.left() == 2.0 and clock.spent() == 1.0 and not clock.over()
    now[0] = 7.5
    clock.look(lambda: {"rho": 1.0})
    assert clock.over() and clock.looks == [(3.5, {"rho": 1.0})]


TRUTH = {"sigma": 10.0, "rho": 28.0, "beta": 8.0 / 3.0}
SAID = {
    "unknowns": {**TRUTH, "rho": 14.0},
    "looks": [[2.0, {**TRUTH, "sigma": -10.0}], [3.0, {**TRUTH, "rho": 14.0}]],
    "seconds": {"run": 1.0, "compile": 2.0, "cpu": 3.0, "import": 0.5, "total": 4.0},
    "steps": 7,
    "recipe": "by hand",
}


def test_a_row_has_each_unknowns_error_and_the_course_of_the_worst(peers, problems):
    row = peers("inverse_measuring").row(problems["lorenz_inverse"], SAID)
    assert row["error"] == {"sigma": 0.0, "rho": 0.5, "beta": 0.0}
    assert row["trace"] == {"seconds": [2.0, 3.0], "error": [2.0, 0.5]}
    assert row["unknowns"]["rho"] == 14.0 and row["steps"] == 7 and "looks" not in row
    assert row["seconds"] == SAID["seconds"]
    json.dumps(row)
    lost = peers("inverse_measuring").row(problems["lorenz_inverse"], {"reason": "it broke"})
    assert lost == {"reason": "it broke"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("depxde", "lorenz_inverse"), "did you mean 'deepxde'"),
        (("pina", "lorenz_inverse"), "There is no peer 'pina'"),
        (("jinns", "lorenz_invrse"), "did you mean 'lorenz_inverse'"),
        (("jinns", "lorenz_inverse", "--recipe", "example"), "no recipe of jinns 'example'"),
    ],
)
def test_what_is_not_known_is_a_reason_before_anything_is_installed(peers, capsys, words, says):
    assert peers("inverse_measuring").main(words) == 1
    printed = capsys.readouterr()
    row = json.loads(printed.out.splitlines()[-1])
    assert says in row["reason"] and printed.err.splitlines()[-1] == row["reason"]


def test_a_missing_environment_is_a_sentence(peers, capsys, monkeypatch, tmp_path):
    environments = peers("environments")
    monkeypatch.setattr(environments, "HERE", tmp_path)
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    (requirements / "jinns.txt").write_text("jinns==1.10.2\n")
    assert peers("inverse_measuring").main(["jinns", "lorenz_inverse"]) == 1
    row = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert row["reason"] == "There is no uv to make the peers' environments with: install uv."


def test_every_library_has_two_budgets_beside_ours_on_every_case(study):
    cells = study.cells()
    labels = {cell.method.label for cell in cells}
    assert {"pinn", "DeepXDE, 60 s", "jinns, SSBroyden, 300 s"} < labels
    assert len(cells) == 4 * len(labels)
    assert all(file.is_file() for c in cells for file in getattr(c.method, "sources", ()))


def recorded(study, label, title="ρ = 28", **row):
    (cell,) = (c for c in study.cells() if c.method.label == label and title in c.case.title)
    usual = {"status": "done", "seconds": {"cpu": 70.4, "total": 200.0}}
    return cell, {**usual, **row}


def lines_of(study, *records):
    text = study.tables[0].render(records)
    rows = [line for line in text.splitlines() if line.startswith("| lorenz")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


OURS = {"error": {"rho": 1e-3}, "deviation": {"rho": 2e-3}}


def test_the_table_has_errors_in_deviations_of_our_posterior_where_there_is_noise(study):
    trace = {"seconds": [2.0, 9.0, 30.0, 40.0], "error": [1e-3, 0.5, 9e-3, 8e-3]}
    error = {"rho": 8e-3}
    for title, mine, other in (
        ("ρ = 28", "rho 1.0e-03 (0.5)", "rho 8.0e-03 (4.0)"),
        ("ρ = 15", "rho 1.0e-03", "rho 8.0e-03"),  # without noise
    ):
        ours = recorded(study, "pinn", title, **OURS)
        peer = recorded(study, "DeepXDE, 60 s", title, error=error, trace=trace, stale="old")
        first, second = lines_of(study, ours, peer)
        assert first[1:] == ["pinn", mine, "70", "70"]
        assert second[1:] == ["DeepXDE, 60 s †", other, "70", "30"]


def test_what_never_comes_near_or_breaks_is_said(study):
    trace = {"seconds": [2.0, 9.0], "error": [1e-3, float("inf")]}
    wrong = recorded(study, "DeepXDE, 60 s", error={"rho": 2.0}, trace=trace)
    broken = recorded(study, "DeepXDE, 300 s", status="failed", reason="diverged")
    lines = lines_of(study, wrong, broken)
    assert lines[0][-1] == "never" and lines[1][2:] == ["diverged", "", ""]


def test_ours_is_one_estimate_with_its_deviations(study):
    (cell,) = (c for c in study.cells() if c.method.label == "pinn" and "ρ = 15" in c.case.title)
    order = Order(cell.case.problem, cell.parameters, 0, 60.0, 0.0, FOLDER)
    row = cell.method.measure(order)
    assert row["converged"] and max(row["error"].values()) < 1e-9
    assert set(row["deviation"]) == set(row["error"]) == {"sigma", "rho", "beta"}
    assert row["seconds"]["cpu"] > 0.0
