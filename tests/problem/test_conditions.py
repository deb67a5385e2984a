"""Conditions are read through one interface, whatever class states them."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.jets import JetSpace

SPACE = JetSpace.of(("t", "x", "y"), {"u": (), "v": (2,)})


@dataclass(frozen=True)
class Own(pinn.AbstractCondition):
    """A condition of a user's own: `law` of the jet and a coefficient."""

    law: object = None
    coefficient: float = 1.0

    def left_side(self, jet):
        return self.law(self, jet)


def own(law, field="u", **given):
    return Own(field, "x", law=law, **given)


LINEAR = {
    "a multiple of the value": own(lambda c, j: 3.0 * j.u),
    "radiation to first order": own(lambda c, j: j.u_x + c.coefficient * j.u, coefficient=2.0),
    "of a vector": own(lambda c, j: 2.0 * j[c.field], "v"),
}
OTHER = {
    "a power": own(lambda c, j: j.u_x + j.u**4),
    "a constant added": own(lambda c, j: j.u_x + 0.3 * (j.u - 1.0)),
    "a coefficient that varies": own(lambda c, j: j.u_x + j.t * j.u),
    "another field": own(lambda c, j: j.u + j.v[0]),
    "a derivative along the face": own(lambda c, j: j.u_x + j.u_y),
    "a rate": own(lambda c, j: j.u_t + j.u_x),
    "components mixed": own(lambda c, j: jnp.stack([j.v[1], j.v[0]]), "v"),
    "a threshold": own(lambda c, j: jnp.where(j.u > 0.0, j.u, 0.5 * j.u)),
}


@pytest.mark.parametrize(
    "condition", [pinn.Dirichlet("u", "x"), pinn.Robin("v", "x"), *LINEAR.values()]
)
def test_what_is_linear_across_the_axis_is_built_in(condition):
    assert condition.built_in(SPACE)


@pytest.mark.parametrize("condition", OTHER.values(), ids=OTHER)
def test_anything_else_is_a_row_of_the_loss(condition):
    assert not condition.built_in(SPACE) and condition.pure_order(SPACE) is None


def test_hard_false_is_a_row_whatever_it_is():
    assert not pinn.Dirichlet("u", "x", hard=False).built_in(SPACE)


def test_the_order_is_that_of_the_only_derivative():
    orders = [
        pinn.Dirichlet("u", "x"),
        pinn.Neumann("u", "x"),
        pinn.Derivative("u", "x", order=3),
        LINEAR["a multiple of the value"],
        pinn.Robin("u", "x"),
    ]
    assert [c.pure_order(SPACE) for c in orders] == [0, 1, 3, 0, None]


def test_a_condition_with_a_law_of_its_own_is_solved_for():
    """−u_x = σ u⁴ + h (u − 1) at x = 1 on u_xx = 0: the slope solves one equation."""
    sigma, h = 0.02, 0.3
    radiating = own(
        lambda c, j: j.u_x + sigma * j.u**4 + c.coefficient * (j.u - 1.0), coefficient=h
    )
    problem = pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx,
        boundary=[
            pinn.Dirichlet("u", "x", 3.0, None),
            Own("u", "x", None, 0.0, law=radiating.law, coefficient=h),
        ],
    )
    slope = np.roots(
        np.polynomial.polynomial.polypow([3.0, -1.0], 4)[::-1] * sigma
        - np.array([0, 0, 0, 1 + h, -2 * h])
    )
    slope = float(next(s.real for s in slope if abs(s.imag) < 1e-9 and 0.0 < s.real < 3.0))
    recipe = pinn.Recipe(network=pinn.Separable(waves=4))
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    x = np.linspace(0.0, 1.0, 11)
    assert np.max(np.abs(np.asarray(solution(x)["u"]) - (3.0 - slope * x))) < 1e-11
    assert solution.converged
