"""Steps and schedules of a user's own: found again by path, or refused before training."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import optax
import pytest

import pinn
from pinn.training.spec import from_spec, to_spec

sys.path.insert(0, str(Path(__file__).parent))
import own_parts

BRIEF = {"network": pinn.Network(width=4), "windows": pinn.Uniform(1), "points": 8, "steps": 3}
TIMES = np.linspace(0.0, 0.5, 5)


def solved(**choices) -> pinn.Solution:
    recipe = pinn.Recipe(**{**BRIEF, **choices})
    return pinn.solve(pinn.get("pendulum", end=0.5), recipe=recipe, progress=False)


@pytest.mark.parametrize(
    "step",
    [own_parts.Careful(caution=3.0), pinn.Optax("adam", {"learning_rate": own_parts.slowing})],
    ids=["step", "schedule"],
)
def test_a_part_of_a_module_is_imported_again_if_trusted(step, tmp_path):
    solution = solved(step=step)
    solution.save(tmp_path / "run")
    with pytest.raises(pinn.CheckpointError, match=r"'own_parts:\w+', which is not .*trust=True"):
        pinn.load(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run", trust=True)
    assert loaded.recipe == solution.recipe
    np.testing.assert_array_equal(loaded(TIMES)["theta"], solution(TIMES)["theta"])


def test_a_part_that_is_no_more_is_told(tmp_path, monkeypatch):
    solved(step=own_parts.Careful()).save(tmp_path / "run")
    monkeypatch.delattr(own_parts, "Careful")
    with pytest.raises(pinn.CheckpointError, match=r"'own_parts:Careful' cannot be imported"):
        pinn.load(tmp_path / "run", trust=True)


def local_step():
    @dataclasses.dataclass(frozen=True)
    class Local(pinn.GaussNewton):
        pass

    return Local()


UNSAVEABLE = {
    "lambda": lambda: pinn.Optax("adam", {"learning_rate": lambda step: 1e-3}),
    "closure": lambda: pinn.Optax(
        "adam", {"learning_rate": optax.exponential_decay(1e-3, 10, 0.9)}
    ),
    "local": local_step,
}


def test_a_problem_that_is_not_saved_may_be_trained_with_anything(tmp_path):
    problem = dataclasses.replace(pinn.get("pendulum", end=0.5), origin=None)
    recipe = pinn.Recipe(**{**BRIEF, "step": UNSAVEABLE["lambda"]()})
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    with pytest.raises(pinn.CheckpointError, match="has no file"):
        solution.save(tmp_path / "run")


OWN = '''
from dataclasses import dataclass
import pinn

@dataclass(frozen=True)
class Bold(pinn.GaussNewton):
    """A step in the problem's own file."""
    boldness: float = 1.0

@pinn.register
def decay(end: float = 0.5):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"y": ()},
        residual=lambda j: j.y_t + j.y,
        initial={"y": 1.0},
    )
'''


@pytest.mark.parametrize("name", UNSAVEABLE)
def test_what_a_users_own_run_could_not_find_again_is_refused_before_training(
    name, tmp_path, monkeypatch
):
    from pinn.problem.registry import load_module

    (tmp_path / "mine.py").write_text(OWN)
    problem = load_module(tmp_path / "mine.py").decay()
    monkeypatch.setattr("pinn.solver.machinery", lambda *_: pytest.fail("it trained"))
    recipe = pinn.Recipe(**{**BRIEF, "step": UNSAVEABLE[name]()})
    with pytest.raises(pinn.RecipeError, match="could not find again: define it at the top level"):
        pinn.solve(problem, recipe=recipe, progress=False)


def test_a_part_in_the_problems_own_file_travels_with_it(tmp_path):
    from pinn.problem.registry import load_module

    (tmp_path / "mine.py").write_text(OWN)
    module = load_module(tmp_path / "mine.py")
    recipe = pinn.Recipe(**{**BRIEF, "step": module.Bold(boldness=0.5)})
    solution = pinn.solve(module.decay(), recipe=recipe, progress=False)
    solution.save("run")
    (tmp_path / "mine.py").unlink()
    assert (
        json.loads(Path("run/spec.json").read_text())["recipe"]["step"]["path"] == "problem.py:Bold"
    )
    loaded = pinn.load("run", trust=True)
    assert loaded.recipe.step.boldness == 0.5
    np.testing.assert_array_equal(loaded(TIMES)["y"], solution(TIMES)["y"])


def test_paths_and_values_survive_as_plain_data():
    step = own_parts.Careful(caution=4.0, factors=(0.1, 1.0))
    stored = json.loads(json.dumps(to_spec(step)))
    assert stored["path"] == "own_parts:Careful" and stored["values"]["caution"] == 4.0
    assert from_spec(stored, trust=True) == step
    with pytest.raises(pinn.CheckpointError, match=r"cannot be built with .*courage"):
        from_spec({**stored, "values": {"courage": 1.0}}, trust=True)
    with pytest.raises(pinn.RecipeError, match="make its class a dataclass"):
        to_spec(object())
