"""Discrete Noether's theorem to round-off, orders from both sides, symplecticity."""

from functools import partial

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import ProblemError
from pinn.references import Variational, discrete_path, hamiltonian_term


def top(t, q, v):
    """A particle on a surface, whose mass depends on where it is: no splitting into T(p) + V(q)."""
    return 0.5 * (1.0 + q @ q) * (v @ v) - 0.5 * q @ q - 0.1 * (q @ q) ** 2


Q, P = jnp.array([0.6, -0.2]), jnp.array([0.3, 0.9])


@partial(jax.jit, static_argnums=(0, 1))
def whole(lagrangian, degree, length, end, q, p):
    return diffrax.diffeqsolve(
        hamiltonian_term(lagrangian),
        Variational(lagrangian, degree),
        0.0,
        end,
        length,
        (q, p),
        saveat=diffrax.SaveAt(t0=True, steps=True),
        max_steps=64,
    ).ys


def travel(lagrangian, degree, steps, end=1.0, q=Q, p=P):
    """One program for all lengths of a step."""
    return whole(lagrangian, degree, end / steps, end, q, p)


@pytest.fixture(scope="module")
def truth():
    found = travel(top, 3, 40)
    return jnp.stack([found[0][40], found[1][40]])


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_order_is_twice_the_degree(truth, degree):
    errors = []
    for steps in (3, 6, 12):
        found = travel(top, degree, steps)
        errors.append(float(jnp.max(jnp.abs(jnp.stack([f[steps] for f in found]) - truth))))
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all((rates > 2 * degree - 0.35) & (rates < 2 * degree + 0.6)), rates


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("steps", [5, 50])
def test_angular_momentum_is_exact_whatever_the_step_and_energy_is_not(degree, steps):
    q, p = (half[: steps + 1] for half in travel(top, degree, steps, end=5.0))
    momentum = q[:, 0] * p[:, 1] - q[:, 1] * p[:, 0]
    np.testing.assert_allclose(momentum, momentum[0], rtol=1e-13)
    energy = 0.5 * jnp.sum(p**2, 1) / (1 + jnp.sum(q**2, 1)) + 0.5 * jnp.sum(q**2, 1)
    energy = energy + 0.1 * jnp.sum(q**2, 1) ** 2
    assert jnp.max(jnp.abs(energy - energy[0])) > 1e-8


def test_degree_one_is_the_implicit_midpoint_rule():
    rate = hamiltonian_term(top).vf
    h, (q, p) = 0.1, travel(top, 1, 1, end=0.1)
    middle = (0.5 * (q[0] + q[1]), 0.5 * (p[0] + p[1]))
    slope = rate(0.0, middle, None)
    np.testing.assert_allclose(q[1] - q[0], h * slope[0], rtol=1e-12)
    np.testing.assert_allclose(p[1] - p[0], h * slope[1], rtol=1e-12)


@pytest.mark.parametrize("degree", [2])
def test_a_step_is_symplectic(degree):
    def step(z):
        q, p = travel(top, degree, 1, end=0.3, q=z[:2], p=z[2:])
        return jnp.concatenate([q[1], p[1]])

    # Differences, since the solve has no derivative backwards in its while loop.
    z, ways = jnp.concatenate([Q, P]), 1e-5 * jnp.eye(4)
    ends = [jax.vmap(step)(z[None] + sign * ways) for sign in (1.0, -1.0)]
    jacobian = (ends[0] - ends[1]).T / 2e-5
    form = jnp.block([[jnp.zeros((2, 2)), jnp.eye(2)], [-jnp.eye(2), jnp.zeros((2, 2))]])
    np.testing.assert_allclose(jacobian.T @ form @ jacobian, form, atol=1e-9)


def test_a_problem_keeps_its_discrete_momenta():
    problem = pinn.get("kepler", eccentricity=0.5)
    path = discrete_path(problem, 200)
    np.testing.assert_allclose(
        path.charges["angular_momentum"], path.charges["angular_momentum"][0], rtol=1e-13
    )
    assert path.positions["q"].shape == (201, 2) and set(path.charges) == {"angular_momentum"}
    truth = pinn.reference(problem)(path.t)["q"]
    assert 1e-3 < np.max(np.abs(path.positions["q"] - truth)) < 0.1


def test_what_has_no_discrete_action_is_refused():
    with pytest.raises(ProblemError, match="no Lagrangian over time alone"):
        discrete_path(pinn.get("wave"), 10)
    with pytest.raises(ProblemError, match="without friction or force"):
        discrete_path(pinn.get("damped_oscillator"), 10)
    with pytest.raises(ProblemError, match="steps ≥ 1 and degree ≥ 1"):
        discrete_path(pinn.get("pendulum"), 0)
    collapse = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 5.0)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - jnp.log(1.0 - j.q),
        initial={"q": 0.0, "q_t": 0.5},
    )
    with pytest.raises(ProblemError, match="take more steps"):
        discrete_path(collapse, 8)


def test_the_newton_solver_says_where_it_fails():
    flat = lambda t, q, v: jnp.sum(v**4) - jnp.sum(q)  # noqa: E731
    found = diffrax.diffeqsolve(
        hamiltonian_term(flat),
        Variational(flat),
        0.0,
        1.0,
        1.0,
        (Q, jnp.zeros(2)),
        throw=False,
    )
    assert found.result != diffrax.RESULTS.successful
