"""A run is known by its content: the same in every process, and different where anything counts."""

from dataclasses import replace

import pytest

import pinn
from pinn.benchmark import Case, Integrated, Outside, Trained
from pinn.benchmark.identity import canonical, key_of
from pinn.benchmark.study import Cell
from pinn.references import Adaptive, Fixed

KEPLER = Case("kepler", {"eccentricity": 0.3})


def test_the_key_is_the_same_in_every_process_and_version():
    assert Cell(KEPLER, Trained(), 3).key == "c999ea27cd637d68"


def test_words_for_people_do_not_count():
    shown = replace(KEPLER, setting="e = 0.3", error=1e-9, seconds=3.0, seeds=(1, 2))
    assert Cell(shown, Trained(name="ours")).key == Cell(KEPLER, Trained()).key


def test_a_default_that_is_stated_does_not_count():
    stated = replace(KEPLER, parameters={"mu": 1.0, "eccentricity": 0.3})
    assert Cell(stated, Trained(pinn.Recipe())).key == Cell(KEPLER, Trained()).key


@pytest.mark.parametrize(
    "other",
    [
        Cell(Case("kepler", {"eccentricity": 0.4}), Trained()),
        Cell(KEPLER, Trained(), 1),
        Cell(KEPLER, Trained(devices=2)),
        Cell(KEPLER, Trained(pinn.Recipe(windows=pinn.Uniform(3)))),
        Cell(KEPLER, Integrated(Adaptive("Tsit5", 1e-6))),
    ],
)
def test_what_matters_counts(other):
    assert other.key != Cell(KEPLER, Trained()).key


def test_one_and_one_point_nought_differ_but_the_order_of_names_does_not():
    assert canonical({"b": 1, "a": (2.0,)}) == '{"a":[2.0],"b":1}'
    assert key_of({"a": 1}) != key_of({"a": 1.0})


def test_what_json_does_not_know_is_refused():
    with pytest.raises(pinn.ProblemError, match="cannot hold"):
        Cell(Case("kepler", {"mu": object()}), Trained()).key  # noqa: B018


def test_a_foreign_program_and_ours_solve_the_same_problem():
    outside = Cell(KEPLER, Outside(("true",)))
    assert outside.group == Cell(KEPLER, Integrated(Fixed("Yoshida4", 10))).group
    assert outside.parameters == {"eccentricity": 0.3, "mu": 1.0, "periods": 1.0}
    assert Cell(Case("unheard_of", {"a": 1}), Outside(("true",))).parameters == {"a": 1}
