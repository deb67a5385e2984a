"""Metriplectic systems: what is checked, and the laws that come of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.noether.verify import verified_charges, verify

DAMPED = {
    "energy": lambda z: 0.5 * z[1] ** 2 + 0.5 * z[0] ** 2 + z[2],  # heat z₂ at temperature 1
    "entropy": lambda z: z[2],
    "bracket": lambda z: jnp.zeros((3, 3)).at[0, 1].set(1.0).at[1, 0].set(-1.0),
    "friction": lambda z: 0.3 * jnp.outer(*2 * [jnp.stack([0.0, 1.0, -z[1]])]),
}


def stated(**changes):
    return pinn.metriplectic("z", (1.0, 0.2, 0.0), **{**DAMPED, **changes})


def test_friction_heats_and_the_laws_come_with_it():
    """L∇E + M∇S of an oscillator in a bath: ẍ = −x − 0.3 ẋ, and ż₂ = 0.3 ẋ²."""
    problem = pinn.Problem(axes={"t": pinn.Interval(0.0, 2.0)}, **stated())
    charges, verdicts = verify(problem)
    assert {v.claim: (v.kind, v.holds) for v in verdicts} == {
        "energy": ("first integral", True),
        "entropy": ("balance law", True),
    }
    z = jnp.array([0.4, 0.7, 1.3])
    motion = problem.dynamics.on_shell({"t": jnp.zeros(()), "z": z}).z_t
    np.testing.assert_allclose(motion, [0.7, -0.4 - 0.3 * 0.7, 0.3 * 0.49], rtol=1e-12)
    jet = pinn.Jet(problem.space, {"t": jnp.zeros(()), "z": z})
    np.testing.assert_allclose(charges["entropy"].source(jet), 0.3 * 0.49, rtol=1e-12)


WRONG = {
    "L = −Lᵀ": {"bracket": lambda z: jnp.zeros((3, 3)).at[0, 1].set(1.0)},
    "L ∇S = 0": {"entropy": lambda z: z[2] + 0.1 * z[0]},
    "M = Mᵀ": {"friction": lambda z: jnp.zeros((3, 3)).at[1, 2].set(0.1)},
    "M ≥ 0": {"friction": lambda z: -DAMPED["friction"](z)},
    "M ∇E = 0": {"friction": lambda z: jnp.diag(jnp.array([0.0, 0.3, 0.0]))},
    "Jacobi's identity of L": {
        "bracket": lambda z: jnp.array([[0.0, 1.0, -z[0]], [-1.0, 0.0, -z[1]], [z[0], z[1], 0.0]]),
        "entropy": lambda z: jnp.zeros(()),
    },
}


@pytest.mark.parametrize("condition", WRONG)
def test_a_broken_condition_is_named(condition):
    with pytest.raises(pinn.ProblemError, match=f"breaks the condition {condition}"):
        stated(**WRONG[condition])


def test_a_state_is_a_vector():
    with pytest.raises(pinn.ProblemError, match="state is one vector, got a start of shape"):
        pinn.metriplectic("z", 1.0, **DAMPED)


def test_the_gas_piston_makes_entropy_and_no_energy():
    problem = pinn.get("gas_piston", hot=2.0, cold=0.5)
    reference = pinn.reference(problem)
    times = np.linspace(0.0, 8.0, 201)
    charges = reference.charges(times)
    np.testing.assert_allclose(charges["energy"], charges["energy"][0], rtol=1e-13)
    assert np.all(np.diff(charges["entropy"]) >= 0.0) and np.ptp(charges["entropy"]) > 0.1
    source = verified_charges(problem)["entropy"].source
    jets = reference.jet(times, entries=("z",))
    assert np.min(jax.vmap(source)(jets)) >= 0.0


def test_held_exactly_the_entropy_of_a_rough_network_never_falls():
    problem = pinn.get("gas_piston", end=3.0)
    recipe = pinn.Recipe(
        network=pinn.Network(width=6), points=8, windows=pinn.Uniform(2), conservation="exact"
    )
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    times = np.linspace(0.0, 3.0, 301)
    entropy = solution.charges(times)["entropy"]
    assert np.min(np.diff(entropy)) > -1e-13
    assert np.ptp(solution.charges(times)["energy"]) < 1e-13
