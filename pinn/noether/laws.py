"""Laws over fields: each claim is tested as a local law, D_t ρ + Σ D_x X = source."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, partial
from pinn.noether.charge import Charge
from pinn.noether.current import contract
from pinn.noether.declared import spatial_flux
from pinn.noether.typical import random_solutions, typical
from pinn.noether.variation import random_functions, variations
from pinn.noether.walls import faces, leak, seam
from pinn.problem.problem import Problem

SAMPLES = 16
FUNCTIONS = 6
SEED = 0

Sums = tuple[np.ndarray, np.ndarray]


class Obstacle(NamedTuple):
    """Why a local law gives no conserved total: a face it leaks through, or a seam."""

    where: str
    size: float
    kind: str


def local_defect(problem: Problem, charge: Charge) -> Sums:
    """Return |Σ terms| and Σ |terms| of a law over fields, at random jets or functions.

    With a flux, D_t ρ + Σ D_x X − source on solutions; without one, whether D_t ρ − source is a
    divergence in space; for a multiplier, whether Λ·residual is a divergence on every jet.
    """
    whole = charge.multiplier
    if whole is not None and not charge.flux:
        return _is_divergence(problem, _terms(problem, charge, {}), tuple(problem.extent))
    if whole is not None:
        one = JetFunction(problem.space, lambda j: whole(j)[None], "Λ·residual")
        return _is_divergence(problem, one, tuple(problem.axes))
    if charge.flux:
        terms = problem.dynamics.restricted(_terms(problem, charge, charge.flux))
        jets = random_solutions(problem, terms.needs, SEED, SAMPLES)
        values = np.asarray(jax.jit(jax.vmap(terms))(jets))
        return np.abs(values.sum(axis=1)), np.abs(values).sum(axis=1)
    if not problem.dynamics.pointwise:
        raise ProblemError(
            f"Whether the density {charge.name!r} is conserved cannot be decided pointwise, since "
            f"the equation contains {', '.join(problem.dynamics.leading.values())}: declare a "
            "pinn.Multiplier, or a pinn.Balance with flux=."
        )
    terms = problem.dynamics.restricted(_terms(problem, charge, {}))
    return _is_divergence(problem, terms, tuple(problem.extent))


def _is_divergence(problem: Problem, terms: JetFunction, axes: tuple[str, ...]) -> Sums:
    functions = random_functions(terms, problem.axes, axes, typical(problem), SEED, FUNCTIONS)
    values, sizes = variations(terms, functions)
    return np.abs(values.sum(axis=1)), sizes.sum(axis=1)


def _terms(problem: Problem, charge: Charge, flux: Mapping[str, JetFunction]) -> JetFunction:
    """Return every term of D_t ρ + Σ D_x X − source, stacked, to tell zero from small."""
    space, shape = problem.space, charge.density.shape
    components = dict(flux)
    if not problem.stationary:
        components[problem.time] = charge.density
    pairs = [
        (partial(part, name), None if name == c else space.raised(name, c))
        for c, part in components.items()
        for name in part.needs
        if name == c or not space.is_coordinate(name)
    ]
    losses = [f for f in (charge.source, charge.multiplier) if f is not None]

    def expression(jet: Jet) -> Array:
        terms = [s(jet) if n is None else contract(s(jet), jet[n]) for s, n in pairs]
        terms += [jnp.broadcast_to(-loss(jet), shape) for loss in losses]
        return jnp.stack(terms) if terms else jnp.zeros((1, *shape))

    return JetFunction(space, expression, f"law of {charge.name!r}")


def with_walls(problem: Problem, charge: Charge, tolerance: float) -> tuple[Charge, list[Obstacle]]:
    """Return a charge with its flux and leaks, and what keeps its total from being conserved."""
    walls = faces(problem.extent)
    if walls and not charge.flux and not problem.stationary:
        charge = replace(charge, flux=spatial_flux(problem, charge))
    parts = {"density": charge.density, **charge.flux}
    jump = seam(problem, parts)
    if jump is not None:
        return charge, [Obstacle(jump, 1.0, "seam")]
    sizes = {face: leak(problem, charge.flux[face[0]], face) for face in walls}
    leaks = tuple(face for face, size in sizes.items() if size > tolerance)
    ends = {f: f"{f[0]} = {_end(problem, f):g}" for f in leaks}
    accepted = charge.balance or problem.stationary  # whose laws are of fluxes alone
    obstacles = [] if accepted else [Obstacle(ends[f], sizes[f], "wall") for f in leaks]
    return replace(charge, leaks=leaks), obstacles


def _end(problem: Problem, face: tuple[str, int]) -> float:
    axis = problem.extent[face[0]]
    return axis.upper if face[1] else axis.lower
