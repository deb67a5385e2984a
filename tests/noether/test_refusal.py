"""A quantity that dissipates is refused as a conserved one, with the law that it obeys."""

from dataclasses import replace

import jax.numpy as jnp
import pytest

import pinn
from pinn.noether.verify import verified_charges


def energy(j):
    return 0.5 * j.x_t**2 + 0.5 * j.x**2


CASES = {
    "friction": ({}, energy, r"rate of change, dI/dt = −2R; symmetries=.*time_translation"),
    "friction and a force": (
        {"force": lambda j: jnp.sin(j.t)},
        energy,
        r"rate of change, dI/dt = −2R \+ force·q_t; symmetries=",
    ),
    "a force": (
        {"dissipation": None, "force": lambda j: jnp.sin(j.t)},
        energy,
        r"rate of change, dI/dt = F·q_t; symmetries=",
    ),
    "friction that is not quadratic": (
        {"dissipation": lambda j: 0.1 * jnp.abs(j.x_t) ** 3},
        energy,
        r"rate of change, dI/dt = F·q_t; symmetries=",
    ),
    "a function of the energy": (
        {},
        lambda j: energy(j) ** 2,
        r"rate of change, dI/dt = ∂I/∂q_t · M⁻¹F: the Lagrangian alone conserves it",
    ),
    "what nothing conserves": ({}, lambda j: j.x, r"with its rate of change\.$"),
}


@pytest.mark.parametrize("case", CASES)
def test_friction_and_forces_are_named(case):
    changes, claim, message = CASES[case]
    problem = replace(
        pinn.get("damped_oscillator"), symmetries=(), conserved={"energy": claim}, **changes
    )
    with pytest.raises(pinn.ProblemError, match=message):
        verified_charges(problem)


def test_over_space_the_rate_at_the_start_is_told():
    """ν ∫ (π cos πx)² dx = νπ² over a circle of length 2."""
    problem = replace(
        pinn.get("burgers", nu=0.1), scales={}, conserved={"energy": lambda j: 0.5 * j.u**2}
    )
    with pytest.raises(pinn.ProblemError, match=r"its total changes at the rate -0\.99\.$"):
        verified_charges(problem)
