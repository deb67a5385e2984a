"""The waves of a solution, where a linear equation makes no new ones."""

import math

import jax
import jax.numpy as jnp
import pytest

import pinn
from pinn.networks.bandwidth import bandwidth

CIRCLE = pinn.Periodic(0.0, 2.0 * math.pi)
ROD = pinn.Interval(0.0, 1.0)


def problem(residual, initial, space=CIRCLE, **rest) -> pinn.Problem:
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.5), "x": space},
        fields={"u": ()},
        residual=residual,
        initial={"u": initial},
        **rest,
    )


def dispersion(j):
    return j.u_t + jnp.cos(j.t) * j.u_xxx + 0.3 * j.u


def waves(x):
    return jnp.sin(x) + 0.2 * jnp.cos(7.0 * x)


def modes(x):
    return jnp.sin(math.pi * x) - 0.1 * jnp.sin(5.0 * math.pi * x)


def heat(j):
    return j.u_t - 0.1 * j.u_xx


WALLS = [pinn.Dirichlet("u", "x")]
KNOWN = {
    "a circle": (lambda: problem(dispersion, waves), 7.0),
    "mirrors, where half waves fit": (lambda: problem(heat, modes, ROD, boundary=WALLS), 2.5),
    "a ball over two axes": (
        lambda: pinn.get("wave_2d"),
        0.5 * math.hypot(2.0, 1.0),
    ),
    "nothing at all": (lambda: problem(heat, jnp.zeros_like), 0.0),
}
UNKNOWN = {
    "a nonlinear equation": lambda: problem(lambda j: j.u_t + j.u * j.u_x, waves),
    "coefficients that differ": lambda: problem(lambda j: j.u_t + jnp.sin(j.x) * j.u_x, waves),
    "a source": lambda: problem(lambda j: heat(j) - jnp.sin(j.x), waves),
    "a corner": lambda: problem(heat, lambda x: jnp.abs(x - math.pi)),
    "walls that are no mirrors": lambda: problem(
        lambda j: heat(j) + j.u_x, modes, ROD, boundary=WALLS
    ),
    "equilibrium": lambda: pinn.get("poisson"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_linear_equation_keeps_the_waves_of_its_initial_data(name):
    stated, expected = KNOWN[name]
    assert bandwidth(stated()) == pytest.approx(expected)


@pytest.mark.parametrize("name", UNKNOWN)
def test_where_waves_are_made_or_have_no_end_none_are_known(name):
    assert bandwidth(UNKNOWN[name]()) is None


def test_the_waves_are_told_inside_a_trace_too():
    stated = problem(dispersion, waves)
    assert jax.jit(lambda factor: factor * bandwidth(stated))(2.0) == pytest.approx(14.0)


def test_the_default_holds_known_waves_and_spends_the_rest_on_time():
    few = pinn.Recipe().completed(problem(dispersion, waves)).network
    assert isinstance(few, pinn.Separable) and 8 <= few.waves <= 12 and few.times > 8
    many = problem(dispersion, lambda x: jnp.cos(120.0 * x))
    assert pinn.Recipe().completed(many).network == pinn.Separable(waves=80)


def test_known_waves_are_solved_to_round_off():
    carried = problem(
        lambda j: j.u_t + j.u_xxx,
        lambda x: jnp.exp(jnp.cos(x)),
    )
    solution = pinn.solve(carried, seed=0)
    assert pinn.compare(solution).error["u"] < 1e-12
