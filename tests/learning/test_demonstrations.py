"""Demonstrations are listed, run from the command line, and survive being kept in a row."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import benchmarks.learning as study
from pinn.cli.program import main
from pinn.learning import LearningError
from pinn.learning.demonstrations import Curve, Demonstration, Strip, demonstrate, demonstrations
from pinn.learning.demonstrations.demonstration import numbers, shade
from pinn.learning.demonstrations.models import LatentPredictor
from pinn.learning.demonstrations.noether_networks import Formula


@pytest.fixture
def small(monkeypatch):
    """The reversible demonstration over a few steps."""
    from pinn.learning.demonstrations import reversible

    monkeypatch.setattr(reversible, "STEPS", 500)
    monkeypatch.setattr(reversible, "_drifts", lambda: ())


def test_every_demonstration_asks_a_question(capsys):
    assert all(title.endswith("?") for title in demonstrations().values())
    assert main(["learning"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(demonstrations())


def test_the_command_line_runs_one_and_prints_what_it_found(small, capsys):
    assert main(["learning", "reversible"]) == 0
    out = capsys.readouterr().out
    assert "coordinates that differ" in out and "0 of 4" in out


def test_an_unknown_one_is_refused_with_the_close_name(capsys):
    assert main(["learning", "reversable"]) == 2
    assert "did you mean 'reversible'" in capsys.readouterr().err
    with pytest.raises(LearningError, match="choose one of"):
        demonstrate("nothing like it")


def test_what_was_found_survives_json():
    curve = Curve("panel", "label", (0.0, 1.0), (2.0, 3.0), ("x", "y"), log=True)
    law = Curve("panel", "law", (0.0, 1.0), (2.0, 3.0), ("x", "y"), law=True)
    strip = Strip("a film", (shade(np.eye(2) / 3.0),))
    row = {"a": 1.5e-9, "b": True}
    found = Demonstration("Why?", (row,), ("Because.",), (curve, law), (strip,))
    assert Demonstration.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert found.cells == [["a", "b"], ["1.50e-09", "yes"]]
    assert len(numbers(range(8000))) == 200
    assert strip.pictures == (((0.33, 0.0), (0.0, 0.33)),)


def test_a_figure_has_a_panel_a_title_and_an_axes_for_each_film(monkeypatch):
    curves = tuple(Curve(f"panel {n}", "label", (0.0, 1.0), (2.0, 3.0)) for n in (0, 1, 1, 2, 3))
    films = tuple(Strip(f"film {n}", (shade(np.eye(3)),) * 4) for n in (0, 1))
    for strips in ((), films):
        found = Demonstration("Why?", ({"a": 1.0},), (), curves, strips)
        monkeypatch.setattr(study, "_known", lambda records, found=found: {"it": (found, 1.0)})
        figure = study.Panels("it").draw(())
        titles = [axes.get_title() for axes in figure.axes]
        panels = [f"panel {n}" for n in range(4)]
        assert titles == [*panels, *(s.label for s in strips)]
        assert [len(axes.lines) for axes in figure.axes[:4]] == [1, 2, 1, 1]


def test_a_hidden_state_is_all_that_reaches_predicted_pictures():
    model = LatentPredictor(6, 4, 3, rngs=nnx.Rngs(0))
    frames = jnp.asarray(np.random.default_rng(0).uniform(size=(5, 6, 6, 2)), jnp.float32)
    assert model.encode(frames).shape == (5, 4)
    assert model(frames).shape == (5, 3, 6, 6)
    slopes = jax.jacrev(lambda f: model(f[None])[0].ravel())(frames[0])
    assert np.linalg.matrix_rank(np.asarray(slopes).reshape(3 * 36, -1), tol=1e-6) == 4


def test_the_formula_of_the_pendulum_is_found_on_clean_data():
    """p² − 2 cos q is twice the energy less a constant; it is also what keeps still."""
    angle = np.random.default_rng(0).uniform(-1.5, 1.5, (20, 1))
    rate, h, states = np.zeros_like(angle), 0.01, []
    for step in range(400):
        if step % 20 == 0:
            states.append(np.concatenate([angle, rate], axis=1))
        rate = rate - 0.5 * h * np.sin(angle)
        angle = angle + h * rate
        rate = rate - 0.5 * h * np.sin(angle)
    formula = Formula(np.stack(states, axis=1))
    assert formula.pair == (0, 2)
    np.testing.assert_allclose(float(formula.constant[...]), -2.0, atol=1e-3)
