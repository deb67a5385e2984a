"""Saved solvers: whole or not at all, loaded anywhere, loud where something is wrong."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pinn
from pinn.checkpoint import manifest
from pinn.problem.registry import load_module
from pinn.training.spec import from_spec, to_spec

TIMES = np.linspace(0.0, 1.5, 31)
OWN = '''
"""A problem of my own."""

import jax.numpy as jnp

import pinn
from pinn import symmetry


COUNT = 3


@pinn.register
def chain(stiffness: float = 2.0) -> pinn.Problem:
    """Three masses in a row."""

    def lagrangian(j):
        stretch = jnp.diff(j.x)
        return 0.5 * j.x_t @ j.x_t - 0.5 * stiffness * stretch @ stretch

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.5)},
        fields={"x": (COUNT,)},
        lagrangian=lagrangian,
        initial={"x": (0.0, 0.5, 0.0), "x_t": (0.0, 0.0, 1.0)},
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("x", direction=(1.0, 1.0, 1.0)),
        ],
    )
'''


@pytest.fixture
def saved(swing, tmp_path: Path) -> Path:
    swing.save(tmp_path / "run")
    return tmp_path / "run"


def test_a_loaded_solver_gives_the_same_numbers(swing, saved):
    loaded = pinn.load(saved)
    np.testing.assert_array_equal(loaded(TIMES)["theta"], swing(TIMES)["theta"])
    np.testing.assert_array_equal(loaded.charges(TIMES)["energy"], swing.charges(TIMES)["energy"])
    assert (loaded.recipe, loaded.seed, loaded.complete) == (swing.recipe, swing.seed, True)
    assert loaded.march.records == swing.march.records
    assert loaded.versions == swing.versions and loaded.seconds == swing.seconds


def test_it_loads_in_a_fresh_process_and_another_folder(swing, saved, tmp_path):
    shutil.move(saved, tmp_path / "moved")
    np.save("expected.npy", np.asarray(swing(TIMES)["theta"]))
    program = (
        "import numpy as np, pinn; solver = pinn.load('moved');"
        "values = solver(np.linspace(0.0, 1.5, 31))['theta'];"
        "assert np.array_equal(values, np.load('expected.npy'))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_users_problem_travels_with_its_solver(tmp_path):
    file = tmp_path / "chain.py"
    file.write_text(OWN)
    solution = pinn.solve(pinn.get(str(file), stiffness=3.0), progress=False)
    solution.save("run")
    file.unlink()
    assert Path("run/problem.py").read_text() == OWN
    with pytest.raises(pinn.CheckpointError, match="trust=True"):
        pinn.load("run")
    loaded = pinn.load("run", trust=True)
    np.testing.assert_array_equal(loaded(TIMES)["x"], solution(TIMES)["x"])
    assert loaded.problem.parameters == {"stiffness": 3.0}


def test_an_existing_folder_is_not_touched_unless_asked(swing, saved):
    before = (saved / "spec.json").stat().st_mtime_ns
    with pytest.raises(pinn.CheckpointError, match="exists"):
        swing.save(saved)
    assert (saved / "spec.json").stat().st_mtime_ns == before
    swing.save(saved, overwrite=True)
    assert (saved / "spec.json").stat().st_mtime_ns != before
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_a_failed_save_leaves_nothing_behind(swing, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("pinn.checkpoint.manifest", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        swing.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def _cut_an_array(run: Path) -> None:
    largest = max((p for p in run.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-7])


def _lose_an_array(run: Path) -> None:
    shutil.rmtree(run / "arrays" / "model")


def _edit_the_spec(run: Path) -> None:
    spec = (run / "spec.json").read_text()
    (run / "spec.json").write_text(spec.replace('"width": 32', '"width": 31'))


def _scramble_the_spec(run: Path) -> None:
    (run / "manifest.json").write_text("not json")


def _empty(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_cut_an_array, "damaged"),
        (_lose_an_array, "damaged"),
        (_edit_the_spec, r"spec\.json changed"),
        (_scramble_the_spec, "damaged"),
        (_empty, "no saved solver"),
        (shutil.rmtree, "no saved solver"),
    ],
)
def test_a_damaged_run_is_refused_with_a_sentence(saved, harm, message):
    harm(saved)
    with pytest.raises(pinn.CheckpointError, match=message):
        pinn.load(saved)


def _reseal(run: Path, change) -> None:
    """Change the spec and make the manifest agree, as somebody determined would."""
    spec = json.loads((run / "spec.json").read_text())
    change(spec)
    (run / "spec.json").write_text(json.dumps(spec))
    (run / "manifest.json").write_text(json.dumps(manifest(run)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["recipe"]["network"].update(width=31), "parameters have shapes"),
        (
            lambda s: s["problem"]["parameters"].update(angle=1.0),
            "has changed.*initial theta, 2 at",
        ),
        (
            lambda s: s["problem"]["parameters"].update(omega=3.0),
            "its Lagrangian, 1.37[0-9]* at a sample and now 9.15[0-9]*; exact, .*train anew",
        ),
        (lambda s: s["problem"]["parameters"].update(mass=3.0), "no parameter 'mass'"),
        (lambda s: s["problem"].update(factory="pendulums"), "cannot be rebuilt"),
        (lambda s: s.update(format=99), "format 99"),
        (lambda s: s["recipe"]["step"].update(kind="Newton"), "does not know"),
        (lambda s: s["recipe"]["network"].update(activation="sine"), "does not give the 'theta'"),
        (lambda s: s["recipe"]["network"].update(width="32"), "width='32', expected .*int"),
        (lambda s: s["recipe"]["network"].update(size=3), "gives Network a 'size'"),
        (lambda s: s["recipe"].update(points=-3), "cannot be rebuilt: points= must be"),
        (lambda s: s["recipe"].update(step={"kind": "own", "path": "os:getcwd"}), "trust=True"),
        (lambda s: s["records"][0].update(end=0.7), "windows start at .* their records say"),
        (lambda s: s["records"].pop(), "windows start at"),
        (
            lambda s: s["records"][0].update(steps=1.5),
            r"records\[0\]\.steps is 1\.5, expected a whole",
        ),
        (lambda s: s.pop("seed"), "an object with format, problem"),
        (lambda s: s["arrays"].update(more={"shape": [10**30], "dtype": "float64"}), "shape"),
        (lambda s: s["problem"].update(factory="mine.py"), "expected a name"),
        (lambda s: s.update(scores=[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]), "levels of nesting"),
    ],
)
def test_a_run_that_contradicts_itself_is_refused(saved, change, message):
    _reseal(saved, change)
    with pytest.raises(pinn.CheckpointError, match=message):
        pinn.load(saved)


def test_a_problem_without_a_file_cannot_be_saved(tmp_path):
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.2)},
        fields={"y": ()},
        residual=lambda j: j.y_t + j.y,
        initial={"y": 1.0},
    )
    solution = pinn.solve(problem, progress=False)
    with pytest.raises(pinn.CheckpointError, match=r"has no file.*@pinn\.register"):
        solution.save(tmp_path / "run")


def test_a_problem_file_must_not_train_when_it_is_loaded(tmp_path):
    file = tmp_path / "eager.py"
    file.write_text(OWN + "\n\npinn.solve(chain(), progress=False)\n")
    with pytest.raises(pinn.PinnError, match="__main__"):
        load_module(file)


@pytest.mark.parametrize(
    "recipe",
    [
        pinn.Recipe(),
        pinn.Recipe(
            network=pinn.Network(width=8, depth=2, activation="sine"),
            step=pinn.Optax("adam", {"learning_rate": 1e-3}),
            windows=pinn.Uniform(3),
            precision="float32",
        ),
        pinn.Recipe(step=pinn.GaussNewton(factors=(0.1, 1.0)), windows=pinn.Adaptive(1e-9)),
    ],
)
def test_a_recipe_survives_as_plain_data(recipe):
    assert from_spec(json.loads(json.dumps(to_spec(recipe)))) == recipe


@pytest.mark.parametrize("after", [2, 5])
def test_an_interrupted_run_goes_on_to_the_same_numbers_from_disk(swing, tmp_path, after):
    def interrupt(march) -> None:
        if len(march.records) == after:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"interrupted at t = .* of 1\.5"):
        partial = pinn.solve(swing.problem, progress=False, observe=interrupt)
    assert not partial.complete and partial.reached < 1.5
    partial.save(tmp_path / "run")
    whole = pinn.resume(pinn.load(tmp_path / "run"), progress=False)
    assert whole.complete
    np.testing.assert_array_equal(whole(TIMES)["theta"], swing(TIMES)["theta"])


def test_an_optimiser_goes_on_in_the_middle_of_a_window(tmp_path):
    recipe = pinn.Recipe(
        step=pinn.Optax("adam", {"learning_rate": 3e-3}),
        windows=pinn.Uniform(1),
        network=pinn.Network(width=8),
        steps=60,
        chunk=20,
    )
    problem = pinn.get("pendulum", end=0.5)
    halves = pinn.solve(problem, recipe=pinn.Recipe(**{**vars(recipe), "windows": pinn.Uniform(2)}))
    seen = []

    def interrupt(march) -> None:
        seen.append(march)
        if len(seen) == 5:  # in the second window, after its second chunk
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        partial = pinn.solve(problem, recipe=halves.recipe, observe=interrupt)
    partial.save(tmp_path / "run")
    whole = pinn.resume(pinn.load(tmp_path / "run"))
    times = np.linspace(0.0, 0.5, 11)
    np.testing.assert_array_equal(whole(times)["theta"], halves(times)["theta"])


@pytest.mark.parametrize(
    ("step", "few", "many"),
    [(pinn.Optax("adam", {"learning_rate": 3e-3}), 60, 90), (pinn.GaussNewton(), 3, 7)],
)
def test_a_complete_run_in_one_window_takes_more_steps(tmp_path, step, few, many):
    problem = pinn.get("pendulum", end=0.5)
    short = pinn.Recipe(
        network=pinn.Network(width=8), step=step, windows=pinn.Uniform(1), steps=few, chunk=25
    )
    whole = pinn.solve(problem, recipe=dataclasses.replace(short, steps=many), progress=False)
    half = pinn.solve(problem, recipe=short, progress=False)
    half.save(tmp_path / "half")
    further = pinn.resume(pinn.load(tmp_path / "half"), steps=many, progress=False)
    assert (half.steps, further.steps, whole.steps) == (few, many, many)
    np.testing.assert_array_equal(further(TIMES)["theta"], whole(TIMES)["theta"])
    assert np.any(np.asarray(half(TIMES)["theta"]) != np.asarray(whole(TIMES)["theta"]))


def test_several_windows_do_not_take_more_steps(swing):
    with pytest.raises(pinn.RecipeError, match=r"one window.*larger steps="):
        pinn.resume(swing, steps=100)
