"""What a problem may say, and the sentence for each thing that it may not."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import symmetry
from pinn.errors import PinnError, ProblemError
from pinn.training.machinery import machinery

INTERVAL = pinn.Interval(0.0, 1.0)
STATEMENT = {
    "axes": {"t": INTERVAL},
    "fields": {"q": ()},
    "lagrangian": lambda j: 0.5 * j.q_t**2 - 0.5 * j.q**2,
    "initial": {"q": 1.0, "q_t": 0.0},
}
VECTOR = {
    "fields": {"q": (2,)},
    "lagrangian": lambda j: 0.5 * j.q_t @ j.q_t - 0.5 * j.q @ j.q,
    "initial": {"q": (1.0, 0.0), "q_t": (0.0, 0.5)},
}
TWO = {
    "fields": {"q": (), "r": ()},
    "lagrangian": lambda j: 0.5 * j.q_t**2 + 0.5 * j.r_t**2,
    "initial": {"q": 1.0, "q_t": 0.0, "r": 1.0, "r_t": 0.0},
}


def by_residual(residual, **more):
    return {"lagrangian": None, "residual": residual, **more}


def prepare(**changes):
    """State the problem and derive all that training needs, as `pinn.solve` does first."""
    return machinery(pinn.Problem(**{**STATEMENT, **changes}), pinn.Recipe())


BAD_STATEMENTS = {
    "no fields": ({"fields": {}}, "has no fields"),
    "shape that is a number": ({"fields": {"q": 2}}, "'q'.*shape"),
    "negative shape": ({"fields": {"q": (-1,)}}, "'q'.*shape"),
    "both": ({"residual": lambda j: j.q_tt}, r"either lagrangian= or residual=, not both"),
    "neither": ({"lagrangian": None}, r"either lagrangian= or residual=.*not neither"),
    "two-letter axis": ({"axes": {"tt": INTERVAL}}, "'tt' is not a single letter"),
    "axis that is a digit": ({"axes": {"1": INTERVAL}}, "'1' is not a single letter"),
    "periodic time": ({"axes": {"t": pinn.Periodic(0.0, 1.0)}}, r"'t' is periodic"),
    "no axis": ({"axes": {}}, r"axes= takes a dictionary"),
    "axis without an interval": ({"axes": {"t": (0.0, 1.0)}}, r"'t' must be a pinn.Interval"),
    "axes that are one interval": ({"axes": INTERVAL}, r"axes="),
    "field named like the axis": ({"fields": {"t": ()}}, "field 't' needs a name"),
    "symmetries without Lagrangian": (
        by_residual(lambda j: j.q_tt + j.q, symmetries=[symmetry.time_translation()]),
        "gives symmetries= without a Lagrangian",
    ),
    "force without Lagrangian": (
        by_residual(lambda j: j.q_tt + j.q, force=lambda j: 1.0),
        "gives force= without a Lagrangian",
    ),
    "dissipation without Lagrangian": (
        by_residual(lambda j: j.q_tt + j.q, dissipation=lambda j: j.q_t**2),
        "gives dissipation= without a Lagrangian",
    ),
    "symmetry by name": ({"symmetries": ["energy"]}, "symmetries="),
    "one symmetry without a list": ({"symmetries": symmetry.time_translation()}, "symmetries="),
    # the Lagrangian
    "unknown field": (
        {"lagrangian": lambda j: 0.5 * j.p_t**2},
        r"no entry 'p_t'; the fields are q and the subscripts t.*did you mean 'q_t'",
    ),
    "unknown subscript": (
        {"lagrangian": lambda j: 0.5 * j.q_x**2},
        r"no entry 'q_x'.*did you mean 'q_t'",
    ),
    "Lagrangian that is a vector": (
        {**VECTOR, "lagrangian": lambda j: j.q_t**2},
        r"must return one scalar, got \[\(2,\)\].*jnp.sum",
    ),
    "Lagrangian that is a pair": (
        {"lagrangian": lambda j: (j.q_t**2, j.q)},
        r"must return one scalar, got \[\(\), \(\)\]",
    ),
    "Lagrangian that is nothing": ({"lagrangian": lambda j: None}, r"must return one scalar"),
    "Lagrangian in numpy": (
        {"lagrangian": lambda j: 0.5 * j.q_t**2 - np.sin(j.q)},
        "The Lagrangian cannot be evaluated .*jax.numpy",
    ),
    "Lagrangian without velocities": (
        {"lagrangian": lambda j: j.q**2},
        r"contains no t-derivative of the field 'q'",
    ),
    "field without an equation": (
        {**TWO, "lagrangian": lambda j: 0.5 * j.q_t**2 - j.q * j.r},
        r"contains no t-derivative of the field 'r'",
    ),
    # the residual
    "too many equations": (
        by_residual(lambda j: jnp.stack([j.q_t, j.q])),
        r"residual has 2 components for 1 unknowns .* one equation for each unknown",
    ),
    "too few equations": (
        {**VECTOR, **by_residual(lambda j: j.q_tt @ j.q)},
        r"residual has 1 components for 2 unknowns",
    ),
    "no equation": (by_residual(lambda j: ()), "residual"),
    "squared highest derivative": (
        by_residual(lambda j: j.q_tt**2 - j.q),
        r"highest derivatives \(q_tt\) do not enter the residual affinely",
    ),
    "sine of the highest derivative": (
        by_residual(lambda j: jnp.sin(j.q_tt) + 2.0 * j.q_tt - j.q),
        "do not enter the residual affinely",
    ),
    "product of highest derivatives": (
        {
            **VECTOR,
            **by_residual(lambda j: j.q_tt + j.q + jnp.prod(j.q_tt) * jnp.ones(2)),
        },
        "do not enter the residual affinely",
    ),
    "squared difference of highest derivatives": (
        {
            **VECTOR,
            **by_residual(lambda j: j.q_tt + j.q + (j.q_tt[0] - j.q_tt[1]) ** 2 * jnp.ones(2)),
        },
        "do not enter the residual affinely",
    ),
    # initial data
    "wrong shape": ({"initial": {"q": (1.0, 2.0), "q_t": 0.0}}, r"'q' has shape \(2,\), expected"),
    "missing": ({"initial": {"q": 1.0}}, r"'q_t' are missing; the equation's state is q, q_t"),
    "superfluous": (
        {"initial": {"q": 1.0, "q_t": 0.0, "q_tt": -1.0}},
        r"'q_tt' contradict the equation, whose state is q, q_t.*remove it",
    ),
    "not an entry": ({"initial": {"q": 1.0, "q_t": 0.0, "p": 1.0}}, r"no entry 'p'"),
    "not a number": ({"initial": {"q": math.nan, "q_t": 0.0}}, r"value of 'q' is not finite: nan"),
    "infinite": ({"initial": {"q": 1.0, "q_t": -math.inf}}, r"value of 'q_t' is not finite"),
    "a word": ({"initial": {"q": "one", "q_t": 0.0}}, r"'q' is not numeric: 'one'"),
    "complex": ({"initial": {"q": 1j, "q_t": 0.0}}, r"initial value of 'q' is complex"),
    "ragged": ({**VECTOR, "initial": {"q": [1.0, [2.0]], "q_t": (0.0, 0.0)}}, "'q' is not numeric"),
    # forces
    "force of a wrong shape": ({"force": lambda j: jnp.ones(2)}, r"force on 'q' has shape \(2,\)"),
    "force on nothing": (
        {"force": lambda j: {"p": jnp.ones(())}},
        r"force on 'p' has shape \(\), expected one of the fields",
    ),
    "one force for two fields": ({**TWO, "force": lambda j: 1.0}, "must return a dictionary"),
    "dissipation that is a vector": (
        {**VECTOR, "dissipation": lambda j: j.q_t**2},
        r"dissipation function must return a scalar, got shape \(2,\)",
    ),
    # an equation that cannot be solved
    "velocity along one line only": (
        {**VECTOR, "lagrangian": lambda j: 0.5 * (j.q_t[0] + j.q_t[1]) ** 2 - j.q @ j.q},
        "mass matrix is singular",
    ),
    "singular up to round-off": (
        {
            **VECTOR,
            "lagrangian": lambda j: 0.5 * (0.1 * j.q_t[0] + 0.3 * j.q_t[1]) ** 2 - j.q @ j.q,
        },
        "mass matrix is singular",
    ),
    "singular at the start": (
        {"lagrangian": lambda j: 0.5 * j.q**2 * j.q_t**2, "initial": {"q": 0.0, "q_t": 1.0}},
        "mass matrix is singular",
    ),
    "odd number of conjugate variables": (
        {"lagrangian": lambda j: j.q * j.q_t - j.q**2, "initial": {"q": 1.0}},
        "mass matrix is singular",
    ),
    "force that diverges": (
        {"lagrangian": lambda j: 0.5 * j.q_t**2 + 1.0 / j.q, "initial": {"q": 0.0, "q_t": 0.0}},
        "a force diverges",
    ),
}


@pytest.mark.parametrize("case", BAD_STATEMENTS)
def test_bad_statement_gets_a_sentence(case):
    changes, message = BAD_STATEMENTS[case]
    with pytest.raises(ProblemError, match=message):
        prepare(**changes)


@pytest.mark.parametrize("case", ["neither", "missing", "singular at the start"])
def test_solve_says_the_same(case):
    changes, message = BAD_STATEMENTS[case]
    with pytest.raises(ProblemError, match=message):
        pinn.solve(pinn.Problem(**{**STATEMENT, **changes}), progress=False)


@pytest.mark.parametrize("given", ["kepler", None, {"fields": {}}])
def test_solve_wants_a_problem(given):
    with pytest.raises(PinnError, match=r"needs a pinn\.Problem, got .*pinn\.get"):
        pinn.solve(given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 0.0), r"must increase, got \[1.0, 0.0\]"),
        ((1.0, 1.0), "must increase"),
        ((0.0, math.inf), "needs finite ends"),
        ((math.nan, 1.0), "needs finite ends"),
        ((0.0, 1.0, (2.0,)), r"must increase, got \[0.0, 2.0, 1.0\]"),
        ((0.0, 1.0, (0.0,)), "must increase"),
        ((0.0, 1.0, (1.0,)), "must increase"),
        ((0.0, 1.0, (0.6, 0.3)), "must increase"),
        ((0.0, 1.0, (math.nan,)), "needs finite ends and breakpoints"),
        ((0.0, 1.0, 0.5), "breakpoints"),
        (("start", 1.0), "interval"),
    ],
)
def test_bad_interval_gets_a_sentence(arguments, message):
    with pytest.raises(ProblemError, match=message):
        pinn.Interval(*arguments)


def test_interval():
    interval = pinn.Interval(np.int64(-1), 3, breakpoints=[0, 2])
    assert interval == pinn.Interval(-1.0, 3.0, (0.0, 2.0)) and interval.length == 4.0
    assert hash(interval) == hash(pinn.Interval(-1.0, 3.0, (0.0, 2.0)))
    assert isinstance(interval.lower, float) and isinstance(interval.breakpoints, tuple)


def test_statement_that_is_right():
    problem = pinn.Problem(**STATEMENT)
    assert problem.time == "t" and problem.interval is INTERVAL
    assert problem.space.coordinates == ("t",) and problem.space.fields == {"q": ()}
    assert problem.initial_state.keys() == {"q", "q_t"}
    assert all(v.dtype == np.float64 for v in problem.initial_state.values())
    assert problem.dynamics is problem.dynamics


def test_time_may_have_another_name_and_data_another_spelling():
    problem = pinn.Problem(
        axes={"s": INTERVAL},
        fields={"y": (2,)},
        residual=lambda j: {"first": j.y_ss[0] - j.y[1], "second": j.y_ss[1] + j.s},
        initial={"y": [1, 2], "y_s": np.zeros(2, int)},
    )
    assert problem.time == "s" and problem.dynamics.state_entries == ("y", "y_s")
    assert problem.initial_state["y"].tolist() == [1.0, 2.0]
    assert problem.action_density is None


def test_constant_forces_and_integers_are_fine():
    parts = prepare(force=lambda j: 1, initial={"q": 1, "q_t": 0})
    assert parts.start["q_tt"] == 0.0  # −q + 1


def test_problem_is_frozen_and_cheap():
    """Nothing is traced until something is asked for."""
    problem = pinn.Problem(**{**STATEMENT, "lagrangian": lambda j: 1 / 0})
    with pytest.raises(AttributeError):
        problem.fields = {}
    with pytest.raises(pinn.PinnError, match="Lagrangian raises ZeroDivisionError"):
        _ = problem.dynamics
