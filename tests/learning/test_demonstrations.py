"""Demonstrations are listed, run from the command line, and survive being kept in a row."""

import json

import numpy as np
import pytest

from pinn.cli.program import main
from pinn.learning import LearningError
from pinn.learning.demonstrations import Curve, Demonstration, demonstrate, demonstrations
from pinn.learning.demonstrations.demonstration import numbers
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
    found = Demonstration("Why?", ({"a": 1.5e-9, "b": True},), ("Because.",), (curve,))
    assert Demonstration.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert found.cells == [["a", "b"], ["1.50e-09", "yes"]]
    assert len(numbers(range(8000))) == 200


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
