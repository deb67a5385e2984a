"""The exact beginning: the jet of the initial data, and what each charge is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.noether.beginning import check_initial, settled_totals
from pinn.noether.charge import Charge
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem

SINGULAR = 1e13


@dataclass(frozen=True)
class Anchor:
    """What every solution of a problem begins with, in double precision.

    Args:
        jet: the time, each entry of the state, and the highest derivative that the equation
            implies; empty over fields.
        charges: each charge's value.
        scales: what each charge's drift is measured against.
    """

    jet: Mapping[str, np.ndarray]
    charges: Mapping[str, np.ndarray]
    scales: Mapping[str, float]


@lru_cache(maxsize=8)
def anchor(problem: Problem) -> Anchor:
    """Return the jet and the charges of a problem's initial data.

    Raises:
        ProblemError: the equation cannot be solved for the highest derivative there, or a claim of
            the problem is false, or initial data contradict a boundary condition.
    """
    if problem.stationary:
        verified_charges(problem)
        return Anchor({}, {}, {})
    return field_anchor(problem) if problem.extent else _mechanics(problem)


def _mechanics(problem: Problem) -> Anchor:
    dynamics = problem.dynamics
    state = {**problem.initial_state, problem.time: np.asarray(problem.interval.lower)}
    with arithmetic("float64"):
        state = {name: jnp.asarray(value) for name, value in state.items()}
        start = jax.jit(lambda s: dict(dynamics.on_shell(s)))(state)
        _check_finite(problem, start)
        _check_mass(problem, np.asarray(dynamics.mass_matrix(Jet(problem.space, start))))
        charges = verified_charges(problem)
        needed = tuple({name for charge in charges.values() for name in charge.needs})

        def measure(s):
            jet = dynamics.on_shell(s, needed)
            return {n: (c.density(jet), c.drift_scale(jet)) for n, c in charges.items()}

        measured = jax.tree.map(np.asarray, jax.jit(measure)(state))
    return Anchor(
        {name: np.asarray(value) for name, value in start.items()},
        {name: value for name, (value, _) in measured.items()},
        {name: float(scale) for name, (_, scale) in measured.items()},
    )


def field_anchor(problem: Problem) -> Anchor:
    """Return the totals of the exact initial data, by quadrature refined until it settles."""
    with arithmetic("float64"):
        charges = verified_charges(problem)
        check_initial(problem)
        totals, sizes = settled_totals(problem, charges)
    scales = {n: _scale(c, totals[n], sizes[n]) for n, c in charges.items()}
    return Anchor({}, totals, scales)


def _scale(charge: Charge, total: np.ndarray, size: np.ndarray) -> float:
    if charge.scale is not None:
        return float(charge.scale)
    norm, terms = float(np.linalg.norm(total)), float(np.linalg.norm(size))
    return norm if norm > 1e-6 * terms else terms or 1.0


def _check_mass(problem: Problem, mass: np.ndarray) -> None:
    """Refuse a mass matrix whose rows depend on each other up to round-off."""
    rows = mass / np.max(np.abs(mass), axis=1, keepdims=True)
    balanced = rows / np.max(np.abs(rows), axis=0, keepdims=True)
    if not np.linalg.cond(balanced) < SINGULAR:
        raise ProblemError(
            f"The equation of {problem.name!r} cannot be solved for its highest derivatives at the "
            "initial data: its mass matrix is singular; check the Lagrangian or residual, and "
            "remove fields that have no motion of their own."
        )


def _check_finite(problem: Problem, start: Mapping[str, jax.Array]) -> None:
    broken = [name for name, value in start.items() if not np.all(np.isfinite(value))]
    if broken:
        raise ProblemError(
            f"The equation of {problem.name!r} does not give a finite {', '.join(broken)} at the "
            "initial data: its mass matrix is singular there or a force diverges; check the "
            "Lagrangian or residual and the initial values."
        )
