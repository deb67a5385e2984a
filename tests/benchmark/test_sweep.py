"""The sweep over good values: what docstrings state, what the study runs, and a part of it."""

from inspect import signature

import pytest

import pinn
from pinn.benchmark.good_values import good_values
from pinn.benchmark.loading import load_study
from pinn.benchmark.report.convergence import CONVERGES, Convergence, verdict
from pinn.benchmark.report.groups import grouped
from pinn.benchmark.study import Cell
from pinn.problem.catalogue import catalogue
from pinn.problem.registry import factory

STUDY, FILE = load_study("sweep")


def stated(text):
    def problem(speed=2.0, omega=3.0, nu=0.1, particles=6, kind="a", end=1.0):
        pass

    problem.__doc__ = f"A problem.\n\n    Good values: {text}\n\n    Source: speed from 7 to 8.\n"
    return good_values(problem)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("speed from 1 to 4.", {"speed": (1.0, 4.0)}),
        ("speed −0.8 to 1e-2; nu from 0.001/π (hard) to 1 (easy).",
         {"speed": (-0.8, 0.01), "nu": (0.001 / 3.141592653589793, 1.0)}),
        ("end from 1 to\n    2π, one period.", {"end": (1.0, 2.0 * 3.141592653589793)}),
        ("speed from 2, below which tails meet, to 4.", {"speed": (2.0, 4.0)}),
        ("speed from 0 to omega.", {"speed": (0.0, 3.0)}),
        ("particles 3 to 16.", {"particles": (3, 16)}),
        ("end up to 20.", {"end": (20.0,)}),
        ("nu 1 (a soliton), 2 or 3.", {"nu": (1.0, 2.0, 3.0)}),
        ("speed · end up to 5, speed/nu up to 3.", {}),
        ("colour from 1 to 4; kind from 1 to 2; speed from 1 to kind.", {}),
        ("any.", {}),
    ],
)  # fmt: skip
def test_ranges_are_read_from_the_docstring(text, found):
    assert stated(text) == found


def test_a_function_without_the_paragraph_has_none():
    assert good_values(lambda speed=1.0: None) == {}


def test_every_problem_of_the_catalogue_is_swept():
    """One without a range in its docstring stands in the study itself."""
    swept = {}
    for case in STUDY.cases:
        swept.setdefault(case.problem, []).append(case.parameters)
    assert swept.keys() == {name for name, entry in catalogue().items() if not entry.inverse}
    for name, runs in swept.items():
        for parameter, values in good_values(factory(name).function).items():
            tried = [run[parameter] for run in runs if parameter in run]
            assert set(values) <= set(tried), (name, parameter)
        assert any(len(run) > 0 for run in runs)


def test_every_problem_in_time_has_three_end_times():
    for name in (name for name, entry in catalogue().items() if not entry.inverse):
        runs = [case.parameters for case in STUDY.cases if case.problem == name]
        words = {"end", "periods", "turns"} & set(signature(factory(name).function).parameters)
        lasting = {p[word] for p in runs for word in words if p.keys() == {word}}
        assert not words or len(lasting) == 3, name


def row(cell, **more):
    usual = {
        "status": "done",
        "converged": True,
        "residual": 1e-11,
        "seconds": {"run": 1.0},
        "error": {"u": 1e-9},
        "reference": {"error": 1e-12},
    }
    return cell, {**cell.description(), **usual, **more}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, CONVERGES),
        ({"converged": False, "residual": 2e-3}, "not converged: residual 2.0e-03"),
        ({"residual": 2e-3}, "called converged, but the residual is 2.0e-03"),
        ({"error": {"u": 0.3}}, "called converged, but the error is 3.0e-01"),
        ({"error": {"u": float("nan")}}, "called converged, but the error is nan"),
        ({"reference": {"error": 5.0}}, "the reference itself is only good to 5.0e+00"),
        ({"complete": False, "reached": 0.5}, "stalled after 0.5 of the time"),
        ({"error": {}}, "not compared"),
        ({"converged": None, "residual": 1e-9}, "not converged"),
        ({"status": "timeout", "reason": "not finished in 120 s"}, "not finished in 120 s"),
    ],
)
def test_every_row_converges_or_says_why_not(more, says):
    record = row(STUDY.cells()[0], **more)
    (group,) = grouped([record])
    assert says in verdict(group)
    table = Convergence().render([record])
    assert says in table and f"{int(says == CONVERGES)} of 1 runs converge" in table


def test_a_row_of_old_code_does_not_say():
    cell, old = row(STUDY.cells()[0])
    del old["converged"]
    (group,) = grouped([(cell, old)])
    assert verdict(group) == "whether it converged was not recorded"


def test_what_is_not_recorded_is_counted():
    cells = STUDY.cells()[:3]
    table = Convergence().render([row(cells[0]), *((cell, None) for cell in cells[1:])])
    assert "1 of 1 runs converge; 2 more are not recorded yet" in table
    assert Convergence().render([(cells[0], None)]) == "Nothing is recorded yet.\n"


SHORT = (
    "pendulum, angle = 3",
    "kepler, eccentricity = 0.9",
    "rotating_frame, rotation = 1",
)


@pytest.mark.parametrize("title", SHORT)
def test_a_short_part_of_the_sweep(title):
    (cell,) = (Cell(c, m) for c in STUDY.cases for m in STUDY.methods if c.title == title)
    problem = cell.problem()
    solution = pinn.solve(problem, recipe=cell.method.recipe, progress=False)
    scores = pinn.compare(solution)
    assert solution.converged and solution.residual < 1e-6
    assert max(scores.error.values()) < 1e-6
