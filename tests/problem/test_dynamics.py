"""The equation of motion, solved for its highest derivatives and differentiated further."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pinn
from pinn.jets import Jet, random_jets
from pinn.problem.problem import Problem

SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=8, deadline=None)
AXES = {"t": pinn.Interval(0.0, 1.0)}


def on_shell(problem, entries):
    """A jitted map from a state to the jet of the solution through it."""
    dynamics = problem.dynamics
    return jax.jit(lambda state: dynamics.on_shell(state, entries))


def one_state(problem, seed):
    jets = random_jets(problem.space, ("t", *problem.dynamics.state_entries), seed, 1)
    return {name: value[0] for name, value in jets.items()}


OSCILLATOR = Problem(
    axes=AXES,
    fields={"q": ()},
    lagrangian=lambda j: 0.5 * j.q_t**2 - 2.0 * j.q**2,
)
HIGHER = on_shell(OSCILLATOR, ("q_tt", "q_ttt", "q_tttt", "q_ttttt", "q_tttttt"))


@PROPERTY
@given(seed=SEEDS)
def test_derivatives_of_the_oscillator(seed):
    """q_tt = −4q, so every second derivative is another factor of −4."""
    state = one_state(OSCILLATOR, seed)
    jet = HIGHER(state)
    for order in range(2, 7):
        below = state["q"] if order % 2 == 0 else state["q_t"]
        np.testing.assert_allclose(jet["q_" + "t" * order], (-4.0) ** (order // 2) * below)


DRIVEN = Problem(
    axes=AXES,
    fields={"q": ()},
    residual=lambda j: j.q_tt + jnp.sin(j.q) - jnp.cos(2.0 * j.t) * j.q_t,
)
DRIVEN_HIGHER = on_shell(DRIVEN, ("q_tttt",))


@PROPERTY
@given(seed=SEEDS)
def test_derivatives_of_a_driven_pendulum(seed):
    """Explicit time dependence is differentiated, too."""
    state = one_state(DRIVEN, seed)
    jet = DRIVEN_HIGHER(state)
    t, q, v = state["t"], state["q"], state["q_t"]
    c, s = jnp.cos(2.0 * t), -2.0 * jnp.sin(2.0 * t)
    a = -jnp.sin(q) + c * v
    b = -jnp.cos(q) * v + s * v + c * a
    d = jnp.sin(q) * v**2 - jnp.cos(q) * a - 4.0 * c * v + 2.0 * s * a + c * b
    np.testing.assert_allclose([jet.q_tt, jet.q_ttt, jet.q_tttt], [a, b, d], rtol=1e-13, atol=1e-14)


def double_pendulum(masses, lengths, gravity):
    (m1, m2), (l1, l2) = masses, lengths

    def lagrangian(j):
        (a, b), (u, v) = j.theta, j.theta_t
        x = jnp.stack([l1 * u * jnp.cos(a), l1 * u * jnp.cos(a) + l2 * v * jnp.cos(b)])
        y = jnp.stack([l1 * u * jnp.sin(a), l1 * u * jnp.sin(a) + l2 * v * jnp.sin(b)])
        height = jnp.stack([-l1 * jnp.cos(a), -l1 * jnp.cos(a) - l2 * jnp.cos(b)])
        m = jnp.array([m1, m2])
        return 0.5 * m @ (x**2 + y**2) - gravity * m @ height

    return Problem(axes=AXES, fields={"theta": (2,)}, lagrangian=lagrangian)


PENDULA = double_pendulum((1.3, 0.7), (0.9, 1.4), 9.81)
PENDULA_JET = on_shell(PENDULA, ())
PENDULA_MASS = jax.jit(PENDULA.dynamics.mass_matrix)


@PROPERTY
@given(seed=SEEDS)
def test_accelerations_of_the_double_pendulum(seed):
    """The closed form found in textbooks, with the 2 × 2 mass matrix inverted by hand."""
    state = one_state(PENDULA, seed)
    (a, b), (u, v) = state["theta"], state["theta_t"]
    m1, m2, l1, l2, g = 1.3, 0.7, 0.9, 1.4, 9.81
    gap = a - b
    below = 2.0 * m1 + m2 - m2 * jnp.cos(2.0 * gap)
    first = (
        -g * (2.0 * m1 + m2) * jnp.sin(a)
        - m2 * g * jnp.sin(a - 2.0 * b)
        - 2.0 * jnp.sin(gap) * m2 * (v**2 * l2 + u**2 * l1 * jnp.cos(gap))
    ) / (l1 * below)
    second = (
        2.0
        * jnp.sin(gap)
        * (u**2 * l1 * (m1 + m2) + g * (m1 + m2) * jnp.cos(a) + v**2 * l2 * m2 * jnp.cos(gap))
    ) / (l2 * below)
    jet = PENDULA_JET(state)
    np.testing.assert_allclose(jet.theta_tt, [first, second], rtol=1e-12, atol=1e-12)
    cross = m2 * l1 * l2 * jnp.cos(gap)
    expected = [[(m1 + m2) * l1**2, cross], [cross, m2 * l2**2]]
    mass = PENDULA_MASS(Jet(PENDULA.space, state))
    np.testing.assert_allclose(mass, expected, rtol=1e-13, atol=1e-15)


def vortices():
    """A Lagrangian of the first order: the positions alone are the state."""
    gamma = np.array([2.0, -0.5])

    def energy(z):
        return -gamma[0] * gamma[1] / (2.0 * np.pi) * jnp.log(jnp.linalg.norm(z[0] - z[1]))

    def lagrangian(j):
        x, y = j.z.T
        u, v = j.z_t.T
        return 0.5 * jnp.asarray(gamma) @ (y * u - x * v) - energy(j.z)

    return gamma, energy, Problem(axes=AXES, fields={"z": (2, 2)}, lagrangian=lagrangian)


GAMMA, ENERGY, VORTICES = vortices()
VORTEX_JET = on_shell(VORTICES, ("z_tt",))


@PROPERTY
@given(seed=SEEDS)
def test_lagrangian_of_the_first_order(seed):
    """Γ ẋ = ∂H/∂y and Γ ẏ = −∂H/∂x; the derivative of that along itself is z_tt."""
    assert VORTICES.dynamics.state_entries == ("z",)
    assert VORTICES.dynamics.orders == {"z": 1}
    z = one_state(VORTICES, seed)["z"]

    def velocity(z):
        slope = jax.grad(ENERGY)(z)
        return jnp.stack([slope[:, 1], -slope[:, 0]], axis=1) / jnp.asarray(GAMMA)[:, None]

    jet = VORTEX_JET({"t": jnp.zeros(()), "z": z})
    expected, rate = jax.jvp(velocity, (z,), (velocity(z),))
    np.testing.assert_allclose(jet.z_t, expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(jet.z_tt, rate, rtol=1e-9, atol=1e-11)


MIXED = Problem(
    axes=AXES,
    fields={"x": (), "heat": (), "s": (2,)},
    residual=lambda j: (
        j.x_tt + j.heat * j.x,
        j.heat_t + j.heat - j.x_t**2,
        j.s_ttt - jnp.stack([j.x, j.heat]) * j.s[0],
    ),
    initial={"x": 1, "x_t": 2, "heat": 3, "s": (4, 5), "s_t": (6, 7), "s_tt": (8, 9)},
)
MIXED_JET = on_shell(MIXED, ("x_ttt", "heat_tt", "heat_ttt"))


def test_orders_may_differ_from_field_to_field():
    dynamics = MIXED.dynamics
    assert dynamics.orders == {"x": 2, "heat": 1, "s": 3}
    assert dynamics.state_entries == ("x", "x_t", "heat", "s", "s_t", "s_tt")
    assert dynamics.highest == {"x": "x_tt", "heat": "heat_t", "s": "s_ttt"}
    jet = MIXED_JET(
        {"t": jnp.zeros(()), **{n: jnp.asarray(v) for n, v in MIXED.initial_state.items()}}
    )
    x, v, h = 1.0, 2.0, 3.0
    a, h1 = -h * x, v**2 - h
    b = -h1 * x - h * v
    h2 = 2.0 * v * a - h1
    h3 = 2.0 * a**2 + 2.0 * v * b - h2
    found = [jet.x_tt, jet.heat_t, jet.x_ttt, jet.heat_tt, jet.heat_ttt]
    np.testing.assert_allclose(found, [a, h1, b, h2, h3], rtol=1e-14)
    np.testing.assert_allclose(jet.s_ttt, [4.0, 12.0], rtol=1e-14)


@pytest.mark.parametrize("name", ["y", "theta", "attitude", "t_t_t"])
def test_names_of_fields_do_not_matter(name):
    """Two coupled fields; that a name contains the letter of time must not confuse the order."""
    v = f"{name}_t"
    problem = Problem(
        axes=AXES,
        fields={"x": (), name: ()},
        residual=lambda j: (j.x_tt - j[v], j[name + "_tt"] + j.x_t * j[name]),
    )
    values = {"t": 0.0, "x": 1.0, "x_t": 2.0, name: 3.0, v: 4.0}
    state = {n: jnp.asarray(value) for n, value in values.items()}
    jet = problem.dynamics.on_shell(state, ("x_tttt",))
    y2 = -2.0 * 3.0
    assert (jet.x_tt, jet[name + "_tt"], jet.x_ttt) == (4.0, y2, y2)
    assert jet.x_tttt == -(4.0 * 3.0 + 2.0 * 4.0)


def test_highest_derivatives_of_several_fields_are_solved_together():
    """2 x_tt + y_t = 1, x_tt + 3 y_t = x: the orders differ, and each row has both."""
    problem = Problem(
        axes=AXES,
        fields={"x": (), "y": ()},
        residual=lambda j: (2.0 * j.x_tt + j.y_t - 1.0, j.x_tt + 3.0 * j.y_t - j.x),
    )
    state = {"t": 0.0, "x": 0.7, "x_t": 0.0, "y": 0.0}
    jet = problem.dynamics.on_shell({n: jnp.asarray(v) for n, v in state.items()})
    expected = np.linalg.solve([[2.0, 1.0], [1.0, 3.0]], [1.0, 0.7])
    np.testing.assert_allclose([jet.x_tt, jet.y_t], expected, rtol=1e-15)


def test_lagrangian_with_accelerations():
    """L = ½ q_tt² − ½ q_t² gives q_tttt + q_tt = 0, with four initial data."""
    problem = Problem(
        axes=AXES,
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_tt**2 - 0.5 * j.q_t**2,
    )
    assert problem.dynamics.state_entries == ("q", "q_t", "q_tt", "q_ttt")
    state = {"t": 0.0, "q": 1.0, "q_t": 2.0, "q_tt": 3.0, "q_ttt": 4.0}
    jet = problem.dynamics.on_shell({n: jnp.asarray(v) for n, v in state.items()}, ("q_ttttt",))
    assert (jet.q_tttt, jet.q_ttttt) == (-3.0, -4.0)


def test_friction_and_forces_enter_with_their_signs():
    problem = Problem(
        axes=AXES,
        fields={"x": (), "y": ()},
        lagrangian=lambda j: j.x_t**2 + 0.5 * j.y_t**2 - 0.5 * j.x**2,
        dissipation=lambda j: 0.5 * (j.x_t - j.y_t) ** 2,
        force=lambda j: {"y": jnp.cos(j.t) + j.x},
    )
    state = {"t": 0.3, "x": 0.5, "x_t": 2.0, "y": 0.0, "y_t": -1.0}
    jet = problem.dynamics.on_shell({n: jnp.asarray(v) for n, v in state.items()})
    np.testing.assert_allclose(jet.x_tt, (-0.5 - 3.0) / 2.0, rtol=1e-15)
    np.testing.assert_allclose(jet.y_tt, 3.0 + np.cos(0.3) + 0.5, rtol=1e-15)


def test_residual_of_a_lagrangian_is_the_euler_expression_less_the_force():
    """𝓔 = D_t p − ∂L/∂q, with this sign: an inertia that is positive."""
    problem = Problem(
        axes=AXES,
        fields={"q": ()},
        lagrangian=lambda j: 1.5 * j.q_t**2 - j.q**3,
        force=lambda j: 2.0 * j.t,
    )
    values = {"t": 0.2, "q": 0.5, "q_t": 9.0, "q_tt": 7.0}
    jet = Jet(problem.space, {n: jnp.asarray(v) for n, v in values.items()})
    residual = problem.dynamics.residual
    assert residual.needs == ("q", "q_tt", "t") and residual.shape == (1,)
    np.testing.assert_allclose(residual(jet), [3.0 * 7.0 + 3.0 * 0.25 - 0.4], rtol=1e-15)
