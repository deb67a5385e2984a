"""Reflections that the equation and its data allow, on intervals and on circles."""

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.networks.mirror import mirrors_of
from pinn.networks.separable import Separable

CIRCLE = pinn.Periodic(-1.0, 3.0)
SMALL = {"network": Separable(times=4, waves=10), "windows": pinn.Uniform(4)}


def periodic(initial, residual, **more):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.2), "x": CIRCLE},
        fields={"u": ()},
        residual=residual,
        initial={"u": initial},
        **more,
    )


def wave_of(shape, place):
    return lambda x: 0.5 * shape(0.5 * jnp.pi * (x - place))


def burgers(j):
    return j.u_t + j.u * j.u_x - 0.1 * j.u_xx


def heat(j):
    return j.u_t - 0.1 * j.u_xx


@pytest.mark.parametrize(
    ("initial", "residual", "parity"),
    [
        (wave_of(jnp.cos, -1.0), heat, 1),
        (wave_of(jnp.sin, 1.0), heat, -1),
        (wave_of(jnp.sin, -1.0), burgers, -1),
        (wave_of(jnp.cos, -1.0), burgers, None),  # carried to one side
        (wave_of(jnp.cos, 0.7), heat, None),  # even about another place
        (wave_of(jnp.cos, -1.0), lambda j: j.u_t - 0.1 * (2.0 + jnp.sin(j.x)) * j.u_xx, None),
    ],
)
def test_a_circle_is_halved_where_equation_and_data_are_even_about_its_ends(
    initial, residual, parity
):
    found = mirrors_of(periodic(initial, residual))
    assert found == ({} if parity is None else {"x": {"u": parity}})


def test_a_field_that_is_zero_at_the_start_takes_the_parity_that_the_equation_gives_it():
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": CIRCLE},
        fields={"p": (), "v": ()},
        residual=lambda j: (j.p_t + j.v_x, j.v_t + j.p_x),
        initial={"p": wave_of(jnp.cos, -1.0), "v": lambda x: 0.0 * x},
    )
    assert mirrors_of(problem) == {"x": {"p": 1, "v": -1}}


@pytest.mark.parametrize("shape", [jnp.cos, jnp.sin])
def test_half_a_circle_gives_the_solution_on_the_whole(shape, error_of):
    rate = 0.1 * (0.5 * np.pi) ** 2
    problem = periodic(
        wave_of(shape, -1.0),
        heat,
        exact=lambda t, x: {"u": jnp.exp(-rate * t) * wave_of(shape, -1.0)(x)},
    )
    solution = pinn.solve(problem, recipe=pinn.Recipe(**SMALL), progress=False)
    assert error_of(solution) < 1e-8
    left, right = (np.asarray(solution(0.15, 1.0 + s)["u"]) for s in (-0.4, 0.4))
    np.testing.assert_allclose(left, (1.0 if shape is jnp.cos else -1.0) * right, atol=1e-15)


def test_half_a_circle_needs_half_the_weights():
    even, uneven = (periodic(wave_of(jnp.cos, place), heat) for place in (-1.0, 0.7))
    counts = [pinn.Recipe(network=SMALL["network"]).completed(p).points for p in (even, uneven)]
    assert counts[0] == pytest.approx(0.5 * counts[1], rel=0.05)
