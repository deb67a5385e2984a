"""Values over space: what a wall or the start may be given, and what is made of it."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import ProblemError
from pinn.problem.statement import face_value

UNIT = pinn.Interval(0.0, 1.0)


def string(wall=0.0, start=0.0):
    """A string that swings in two directions, held at both ends."""
    return pinn.Problem(
        axes={"t": UNIT, "x": UNIT},
        fields={"u": (2,)},
        residual=lambda j: j.u_tt - j.u_xx,
        initial={"u": lambda x: jnp.stack([x, 0.0 * x]), "u_t": start},
        boundary=[pinn.Dirichlet("u", "x", lower=wall, upper=None)],
    )


@pytest.mark.parametrize("given", [0.5, 1, np.float64(0.5)])
def test_a_number_over_space_stands_for_every_component(given):
    stated = string(given, given)
    wall = face_value(stated.space, stated.boundary[0], 0)
    for value in (wall(jnp.zeros(())), stated.initial_state["u_t"](jnp.zeros(()))):
        np.testing.assert_array_equal(value, np.full(2, float(given)), strict=True)


@pytest.mark.parametrize("given", [(0.5, 1.0), [0.5, 1.0], np.array([0.5, 1.0])])
def test_an_array_over_space_has_the_field_s_shape(given):
    stated = string(given, given)
    wall = face_value(stated.space, stated.boundary[0], 0)
    for value in (wall(jnp.zeros(())), stated.initial_state["u_t"](jnp.zeros(()))):
        np.testing.assert_array_equal(value, [0.5, 1.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda x: 0.0 * x, r"has shape \(\), expected \(2,\)"),
        (np.array(0.5), r"has shape \(\), expected \(2,\)"),
        ((0.5,), r"has shape \(1,\), expected \(2,\)"),
        ((1.0, 2.0, 3.0), r"has shape \(3,\), expected \(2,\)"),
        ("still", r"is not numeric: 'still'"),
        (math.nan, r"is not finite: nan"),
    ],
)
def test_other_values_over_space_are_refused(given, message):
    with pytest.raises(ProblemError, match="value of Dirichlet.* " + message):
        string(wall=given)
    with pytest.raises(ProblemError, match="initial value of 'u_t' " + message):
        _ = string(start=given).initial_state
