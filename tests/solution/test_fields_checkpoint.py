"""Saved solvers over space: the same bits after loading and after an interruption."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import pinn
from pinn.networks.mirror import mirrors_of
from pinn.outcome import IncompleteWarning

SMALL = pinn.Network(width=8, depth=1, spread=1.0, harmonics=2)
IN_TIME = pinn.Recipe(
    network=SMALL, windows=pinn.Uniform(3), points=64, steps=6, chunk=2, slices=4, modes=17
)
AT_REST = pinn.Recipe(network=SMALL, windows=pinn.Uniform(1), points=256, steps=8, chunk=4)
CASES = {
    "circle": (lambda: pinn.get("advection", end=0.3), IN_TIME),
    "walls": (lambda: pinn.get("heat", end=0.03), IN_TIME),
    "stationary": (lambda: pinn.get("poisson"), AT_REST),
}
LOAD = """
import sys
import numpy as np, pinn

solver = pinn.load("run")
points = np.load("points.npy")
values = solver.jet(*points, entries=sys.argv[1:])
for name in sys.argv[1:]:
    assert np.array_equal(values[name], np.load(name + ".npy")), name
"""


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """A problem over space and its recipe, with the solution."""
    build, recipe = CASES[request.param]
    problem = build()
    return pinn.solve(problem, seed=1, recipe=recipe, progress=False)


def points(problem: pinn.Problem) -> tuple[np.ndarray, ...]:
    ends = np.array([[a.lower, a.upper] for a in problem.axes.values()])
    shares = np.random.default_rng(0).uniform(size=(2, 40))
    return tuple(ends[:, :1] + shares * np.diff(ends))


def same_bits(one: pinn.Solution, other: pinn.Solution) -> bool:
    leaves, others = jax.tree.leaves(one.model), jax.tree.leaves(other.model)
    assert jax.tree.structure(one.model) == jax.tree.structure(other.model)
    equal = [np.array_equal(a, b) for a, b in zip(leaves, others, strict=True)]
    return all(equal) and one.march.records == other.march.records


def test_a_loaded_solver_gives_the_same_numbers(case, tmp_path: Path):
    case.save(tmp_path / "run")
    loaded, at = pinn.load(tmp_path / "run"), points(case.problem)
    np.testing.assert_array_equal(loaded(*at)["u"], case(*at)["u"])
    times = () if case.problem.stationary else (np.linspace(0.0, case.reached, 3),)
    charges, expected = loaded.charges(*times), case.charges(*times)
    assert charges.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(charges[name], value)
    assert same_bits(case, loaded) and loaded.complete
    assert jax.tree.structure(loaded.march.front) == jax.tree.structure(case.march.front)
    assert loaded.recipe == case.recipe == case.recipe.completed(case.problem)


def test_a_loaded_solver_evaluates_alike_in_a_fresh_process(case, tmp_path: Path):
    case.save(tmp_path / "run")
    at, entries = points(case.problem), ("u", "u_x", "u_xx")
    np.save("points.npy", at)
    for name in entries:
        np.save(f"{name}.npy", np.asarray(case.jet(*at, entries=entries)[name]))
    subprocess.run([sys.executable, "-c", LOAD, *entries], check=True, cwd=tmp_path)


def test_the_spec_tells_the_problem_and_its_symmetries(case, tmp_path: Path):
    case.save(tmp_path / "run")
    stated = json.loads((tmp_path / "run" / "spec.json").read_text())["problem"]
    assert {"axes", "fields"} <= {*stated["statement"]}
    assert ("boundary" in stated["statement"]) == bool(case.problem.boundary)
    assert stated["parameters"].keys() == case.problem.parameters.keys()
    assert stated["mirrors"] == {n: dict(p) for n, p in mirrors_of(case.problem).items()}


def test_symmetries_are_not_found_anew(case, tmp_path: Path, monkeypatch):
    case.save(tmp_path / "run")

    def never(*_):
        pytest.fail("it looked for symmetries")

    monkeypatch.setattr("pinn.networks.mirror._equivariant", never)
    monkeypatch.setattr("pinn.networks.bandwidth._keeps_waves", never)
    loaded, at = pinn.load(tmp_path / "run"), points(case.problem)
    np.testing.assert_array_equal(loaded(*at)["u"], case(*at)["u"])


class Interrupt:
    """Raises what Ctrl-C raises, once a window is kept and a number of chunks have gone by."""

    def __init__(self, chunks: int):
        self.left = chunks

    def __call__(self, march):
        self.left -= bool(march.windows)
        if march.windows and self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("chunks", [0, 1])
def test_an_interrupted_run_goes_on_to_the_same_bits(case, chunks: int, tmp_path: Path):
    if case.problem.stationary:
        pytest.skip("a stationary problem has one window, of which nothing is kept")
    with pytest.warns(IncompleteWarning, match="interrupted at t = "):
        part = pinn.solve(
            case.problem, seed=1, recipe=case.recipe, progress=False, observe=Interrupt(chunks)
        )
    assert (part.march.stage is not None) == (chunks > 0)
    part.save(tmp_path / "part")
    resumed = pinn.resume(pinn.load(tmp_path / "part"), progress=False)
    assert resumed.complete and same_bits(case, resumed)
    at = points(case.problem)
    np.testing.assert_array_equal(resumed(*at)["u"], case(*at)["u"])


def test_a_stationary_solution_takes_more_steps_after_loading(tmp_path: Path):
    problem = pinn.get("poisson")
    solve = lambda steps: pinn.solve(  # noqa: E731
        problem, recipe=pinn.Recipe(SMALL, points=256, steps=steps, chunk=5), progress=False
    )
    half, whole = solve(5), solve(10)
    half.save(tmp_path / "half")
    further = pinn.resume(pinn.load(tmp_path / "half"), steps=10, progress=False)
    assert (half.steps, further.steps) == (5, 10)
    at = points(problem)
    np.testing.assert_array_equal(further(*at)["u"], whole(*at)["u"])
    assert further.march.records[0].loss < half.march.records[0].loss
