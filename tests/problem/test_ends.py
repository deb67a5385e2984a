"""Conditions in time: what they leave unknown, and which of them are refused."""

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import Jet
from pinn.problem.ends import Ends
from pinn.problem.guess import first_guess, guessed


def oscillator(boundary, end=1.0, shape=(), **rest):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": shape},
        residual=lambda j: j.q_tt + j.q,
        boundary=boundary,
        name="oscillator",
        **rest,
    )


def test_initial_data_that_are_not_given_are_unknown():
    problem = oscillator([pinn.Dirichlet("q", "t", lower=None, upper=1.0)], initial={"q": 0.0})
    assert problem.two_point and problem.unknown_names == ("q_t",)
    known = problem.at(q_t=2.0)
    assert known.unknown_names == () and known.two_point
    assert known.initial_state["q_t"] == 2.0


@pytest.mark.parametrize(
    ("boundary", "start", "end"),
    [
        ([pinn.Dirichlet("q", "t", lower=1.0, upper=3.0)], (1.0, 1.0), (3.0, 1.0)),
        (
            [pinn.Dirichlet("q", "t", 1.0, None), pinn.Neumann("q", "t", None, -2.0)],
            (1.0, -2.0),
            (-3.0, -2.0),
        ),
        ([pinn.Robin("q", "t", 0.0, 4.0, value=1.0, slope=2.0)], (-4.0, 2.0), (0.0, 2.0)),
    ],
)
def test_the_first_guess_is_the_line_that_meets_the_conditions(boundary, start, end):
    problem = oscillator(boundary, end=2.0)
    known = guessed(problem)
    line = first_guess(problem, known.dynamics)
    for share, expected in ((0.0, start), (1.0, end)):
        found = line(share)
        assert np.allclose([found["q"], found["q_t"]], expected, rtol=0.0, atol=1e-12)


class FirstComponent(pinn.AbstractCondition):
    def left_side(self, jet: Jet):
        return jet[self.field][0]


def test_a_condition_of_ones_own_may_choose_a_component():
    boundary = [FirstComponent("q", "t", 1.0, 2.0)]
    problem = oscillator(boundary, shape=(2,), initial={"q_t": (0.0, 0.0)})
    known = guessed(problem)
    state = {"q": jnp.array([3.0, 4.0]), "q_t": jnp.zeros(2)}
    rows = Ends(problem, known.dynamics).rows(state, state, (0.0, 1.0))
    assert np.array_equal(rows, [2.0, 1.0])


def test_an_orbit_adds_its_turning_point_only_where_nothing_else_fixes_the_phase():
    def rows(**rest):
        boundary = [pinn.PeriodicOrbit("q"), *rest.pop("boundary", [])]
        problem = oscillator(boundary, **rest)
        known = guessed(problem)
        state = {n: jnp.ones(()) for n in known.dynamics.state_entries}
        return np.asarray(Ends(problem, known.dynamics).rows(state, state, (0.0, 1.0)))

    assert np.array_equal(rows(), [0.0, 0.0, 1.0])
    assert np.array_equal(rows(initial={"q": 1.0}), [0.0, 0.0])
    assert np.array_equal(rows(boundary=[pinn.Dirichlet("q", "t", 3.0, None)]), [-2.0, 0.0, 0.0])


def test_the_period_is_the_length_of_the_axis_once_it_is_known():
    problem = oscillator([pinn.PeriodicOrbit("q")], end=6.0)
    known = problem.at(q=1.0, q_t=0.0, period=6.25)
    assert known.interval.upper == 6.25 and known.values["period"] == 6.25


REFUSED = {
    "too few": (dict(boundary=[pinn.Dirichlet("q", "t", 0.0, None)]), "give 1 conditions"),
    "too many": (
        dict(boundary=[pinn.Dirichlet("q", "t"), pinn.Neumann("q", "t")]),
        "2 numbers, and initial= and boundary= give 4 conditions",
    ),
    "beside all initial data": (
        dict(boundary=[pinn.Dirichlet("q", "t", None, 1.0)], initial={"q": 0.0, "q_t": 1.0}),
        "give 3 conditions",
    ),
    "no field": (dict(boundary=[pinn.PeriodicOrbit("p")]), "on a field that does not exist"),
    "no end": (dict(boundary=[pinn.Dirichlet("q", "t", None, None)]), "leaves both ends free"),
    "function": (
        dict(boundary=[pinn.Dirichlet("q", "t", lambda: 0.0, 1.0)]),
        "nothing left to depend on",
    ),
    "shape": (dict(boundary=[pinn.Dirichlet("q", "t", (0.0, 1.0), 1.0)]), r"shape \(2,\)"),
    "guess of other fields": (
        dict(boundary=[pinn.Dirichlet("q", "t")], guess=lambda t: {"p": t}),
        "guess= returns",
    ),
    "guess without need": (
        dict(boundary=[], initial={"q": 0.0, "q_t": 1.0}, guess=lambda t: {"q": t}),
        "belongs to a problem with conditions in time",
    ),
    "unknown constants beside": (
        dict(boundary=[pinn.Dirichlet("q", "t")], unknowns={"k": pinn.Unknown(1.0)}),
        "conditions in time and also unknowns",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(what):
    stated, sentence = REFUSED[what]
    with pytest.raises(pinn.ProblemError, match=sentence):
        oscillator(**stated)


def test_a_driven_orbit_has_the_period_that_drives_it():
    with pytest.raises(pinn.ProblemError, match="free=False"):
        pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"q": ()},
            residual=lambda j: j.q_tt + j.q_t + j.q - jnp.cos(j.t),
            boundary=[pinn.PeriodicOrbit("q")],
        )


def test_other_windows_are_refused():
    problem = oscillator([pinn.Dirichlet("q", "t", 0.0, 1.0)])
    with pytest.raises(pinn.RecipeError, match=r"pinn.Joint\(\)"):
        pinn.solve(problem, recipe=pinn.Recipe(windows=pinn.Adaptive()))


def test_two_orbits_are_refused():
    with pytest.raises(pinn.ProblemError, match="one stands for all fields"):
        pinn.Problem(
            axes={"t": pinn.Interval(0.0, 6.0)},
            fields={"q": ()},
            residual=lambda j: j.q_tt + j.q,
            boundary=[pinn.PeriodicOrbit("q"), pinn.PeriodicOrbit("p", free=False)],
        )
