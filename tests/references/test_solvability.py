"""Stationary problems: those without a solution are refused, those with many are told."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.conditions import AbstractCondition
from pinn.references.solvability import solvability

PI = jnp.pi
UNIT, CIRCLE = pinn.Interval(0.0, 1.0), pinn.Periodic(0.0, 1.0)
INSULATED = [pinn.Neumann("u", "x"), pinn.Neumann("u", "y")]
LINE, SQUARE = {"x": UNIT}, {"x": UNIT, "y": UNIT}
FREE_BEAM = [pinn.Derivative("u", "x", order=2), pinn.Derivative("u", "x", order=3)]


def stated(axes, residual, boundary=(), fields=("u",)) -> pinn.Problem:
    shapes = {name: () for name in fields}
    return pinn.Problem(axes=axes, fields=shapes, residual=residual, boundary=boundary)


def laplace(j):
    return j.u_xx + j.u_yy


def stokes(wall: float) -> pinn.Problem:
    """Flow in a box through whose left side fluid comes in; it can go nowhere."""
    side = lambda x: wall * (1.0 - x)  # noqa: E731

    def residual(j):
        push = j.p_x - j.u_xx - j.u_yy - 10.0 * jnp.sin(j.y)
        return push, j.p_y - j.v_xx - j.v_yy, j.u_x + j.v_y

    walls = [pinn.Dirichlet("u", "x", wall, 0.0), pinn.Dirichlet("u", "y", side, side)]
    walls += [pinn.Dirichlet("v", "x"), pinn.Dirichlet("v", "y")]
    return stated(SQUARE, residual, walls, ("u", "v", "p"))


NONE = {
    "a rod": stated(LINE, lambda j: j.u_xx - 1 - jnp.cos(3 * PI * j.x), INSULATED[:1]),
    "a square": stated(SQUARE, lambda j: laplace(j) + 0.5, INSULATED),
    "a square, fluxes": stated(
        SQUARE,
        lambda j: laplace(j) - 4.0,
        [pinn.Neumann("u", "x", 0.0, 2.0), pinn.Neumann("u", "y", 0.0, 2.1)],
    ),
    "a torus": stated(
        {"x": CIRCLE, "y": CIRCLE}, lambda j: laplace(j) - jnp.sin(2 * PI * j.x) ** 2
    ),
    "a cylinder, variable coefficients": stated(
        {"x": UNIT, "y": CIRCLE},
        lambda j: (1 + j.x**2) * j.u_xx + 2 * j.x * j.u_x + j.u_yy - 0.1,
        INSULATED[:1],
    ),
    "not self-adjoint": stated(LINE, lambda j: j.u_xx + 5 * j.u_x - 1, INSULATED[:1]),
    "a free beam": stated(LINE, lambda j: j.u_xxxx - 1.0, FREE_BEAM),
    "a resonance": stated(
        LINE, lambda j: j.u_xx + PI**2 * j.u - jnp.sin(PI * j.x), [pinn.Dirichlet("u", "x")]
    ),
    "a system": stated(
        LINE, lambda j: (j.q + j.T_x, j.q_x - 1.0), [pinn.Dirichlet("q", "x")], ("T", "q")
    ),
    "too many conditions": stated(LINE, lambda j: j.u_x - 1.0, [pinn.Dirichlet("u", "x")]),
    "a cube": stated(
        {c: UNIT for c in "xyz"},
        lambda j: laplace(j) + j.u_zz - 1.0,
        [pinn.Neumann("u", c) for c in "xyz"],
    ),
    "a flow": stokes(1.0),
}


@pytest.mark.parametrize("problem", NONE.values(), ids=NONE)
def test_without_a_solution_is_refused_with_the_defect(problem):
    with pytest.raises(pinn.ProblemError, match=r"has no solution.*compatibility.*e[-+]\d\d of"):
        solvability(problem)


CONSTANT = {
    "a rod": (stated(LINE, lambda j: j.u_xx - jnp.cos(3 * PI * j.x), INSULATED[:1]), "u"),
    "a square, fluxes": (
        stated(
            SQUARE,
            lambda j: laplace(j) - 4.0,
            [pinn.Neumann("u", "x", 0.0, 2.0), pinn.Neumann("u", "y", 0.0, 2.0)],
        ),
        "u",
    ),
    "a torus": (
        stated({"x": CIRCLE, "y": CIRCLE}, lambda j: laplace(j) - jnp.sin(2 * PI * j.x)),
        "u",
    ),
    "a narrow source and sink": (
        stated(
            LINE,
            lambda j: (
                j.u_xx
                - jnp.exp(-(((j.x - 0.3) / 0.02) ** 2))
                + jnp.exp(-(((j.x - 0.7) / 0.02) ** 2))
            ),
            INSULATED[:1],
        ),
        "u",
    ),
    "a pressure": (stokes(0.0), "p"),
}


@pytest.mark.parametrize(("problem", "field"), CONSTANT.values(), ids=CONSTANT)
def test_a_free_constant_is_told(problem, field):
    known = solvability(problem)
    assert known.free == 1
    assert known.constants == ((field, 0),)
    assert known.defect < 1e-8


UNIQUE = {
    "mixed": stated(SQUARE, laplace, [pinn.Robin("u", "x", 1.0, 1.0), INSULATED[1]]),
    "a system": stated(
        LINE, lambda j: (j.q + j.T_x, j.q_x - 1.0), [pinn.Dirichlet("T", "x")], ("T", "q")
    ),
    "near a resonance": stated(
        LINE, lambda j: j.u_xx + 9.87 * j.u - jnp.sin(PI * j.x), [pinn.Dirichlet("u", "x")]
    ),
    "not linear": stated(LINE, lambda j: j.u_xx - jnp.exp(j.u), [pinn.Dirichlet("u", "x")]),
}


@pytest.mark.parametrize("problem", UNIQUE.values(), ids=UNIQUE)
def test_a_unique_solution_passes(problem):
    assert solvability(problem).unique


def test_other_null_functions_are_no_constants():
    known = solvability(stated(LINE, lambda j: j.u_xxxx - jnp.cos(2 * PI * j.x), FREE_BEAM))
    assert known.free == 2
    assert known.constants == ()
    one = stated(LINE, lambda j: j.u_xx - 1.0, [pinn.Dirichlet("u", "x", 0.0, None)])
    with pytest.raises(pinn.ProblemError, match=r"not unique.*leave 1 function free"):
        pinn.reference(one)


def test_a_reference_up_to_a_constant_has_no_mean():
    reference = pinn.reference(CONSTANT["a rod"][0])
    assert reference.constants == (("u", 0),)
    x = np.linspace(0.0, 1.0, 201)
    exact = -np.cos(3 * np.pi * x) / (3 * np.pi) ** 2
    np.testing.assert_allclose(reference(x)["u"], exact, rtol=0, atol=1e-14)
    assert reference.error_estimate < 1e-12


def test_values_that_contradict_at_a_corner_are_refused():
    contradicting = [
        pinn.Dirichlet("u", "x", 0.0, 1.0),
        pinn.Dirichlet("u", "y", 0.0, lambda x: x**2),
    ]
    with pytest.raises(pinn.ProblemError, match=r"contradict each other at x = 1, y = 0"):
        solvability(stated(SQUARE, laplace, contradicting))
    agreeing = [
        pinn.Dirichlet("u", "x", 0.0, lambda y: y),
        pinn.Dirichlet("u", "y", 0.0, lambda x: x**2),
    ]
    assert solvability(stated(SQUARE, laplace, agreeing)).unique


@dataclass(frozen=True)
class Radiating(AbstractCondition):
    """k u_x + σ u⁴ + h (u − 1) = g, as a user may write it."""

    def left_side(self, jet):
        return jet.u_x + 0.02 * jet.u**4 + 0.3 * (jet.u - 1.0)


def test_a_condition_of_the_users_own_is_met_though_it_is_not_linear():
    boundary = [pinn.Dirichlet("u", "x", 3.0, None), Radiating("u", "x", None, 0.0)]
    reference = pinn.reference(stated(LINE, lambda j: j.u_xx, boundary))
    u = np.asarray(reference(np.array([0.0, 0.5, 1.0]))["u"])
    g = u[0] - u[2]
    assert u[1] == pytest.approx(3.0 - 0.5 * g, abs=1e-13)
    assert g == pytest.approx(0.02 * (3 - g) ** 4 + 0.3 * (2 - g), abs=1e-12)


def test_the_method_of_lines_refuses_a_condition_that_is_not_linear():
    problem = pinn.Problem(
        axes={"t": UNIT, "x": UNIT},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx,
        initial={"u": lambda x: 1.0 + 0.0 * x},
        boundary=[Radiating("u", "x", None, 0.32), pinn.Neumann("u", "x", 0.0, None)],
    )
    with pytest.raises(pinn.ProblemError, match=r"Radiating\('u', 'x'\) is not linear"):
        pinn.reference(problem)


def test_a_coefficient_that_jumps_is_named():
    layers = stated(
        LINE,
        lambda j: (j.q + jnp.where(j.x < 0.4, 2.0, 0.05) * j.T_x, j.q_x),
        [pinn.Dirichlet("T", "x", 80.0, 20.0)],
        ("T", "q"),
    )
    with pytest.raises(pinn.PinnError, match=r"jump or have a kink at x = 0\.4"):
        pinn.reference(layers)


def test_newton_says_what_is_left_where_it_stalls():
    """u″ = e^u beyond the fold (Bratu 1914): with λ = −20 there is no solution."""
    folded = stated(LINE, lambda j: j.u_xx + 20.0 * jnp.exp(j.u), [pinn.Dirichlet("u", "x")])
    with pytest.raises(pinn.PinnError, match=r"does not converge: it stops where .* is left"):
        pinn.reference(folded)
