"""Laws over fields: each claim is tested as a local law, D_t ρ + Σ D_x X = source."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, partial
from pinn.noether.charge import Charge
from pinn.noether.current import contract
from pinn.noether.gradient import direction
from pinn.noether.invariance import off_shell
from pinn.noether.rounding import IDLE, TERMS
from pinn.noether.verdict import TOLERANCE
from pinn.noether.walls import faces, leak, seams
from pinn.noether.weak import Weak
from pinn.problem.problem import Problem

ROUNDING = 1e-11  # of what the boundary conditions determine


class Obstacle(NamedTuple):
    """Why a local law gives no conserved total: a face it leaks through, or a seam."""

    where: str
    size: float
    kind: str


def pointwise(problem: Problem, charge: Charge) -> tuple[Callable[[Jet], Any], set[str]] | None:
    """Return a law's sum and the size of its terms at a jet; None where that needs its flux."""
    lagrangian, generator = problem.action_density, charge.generator
    if lagrangian is not None and generator is not None and not charge.balance:
        return off_shell(lagrangian, generator)
    if charge.multiplier is not None or not charge.flux:
        return None
    terms = law_terms(problem, charge, charge.flux)
    terms = problem.dynamics.restricted(terms)
    return lambda jet: _sums(terms(jet)), set(terms.needs)


def weakly(problem: Problem, charge: Charge) -> Weak:
    """Return what decides a law without its flux.

    For a multiplier, Λ·residual on every jet, or with a density D_t ρ − Λ·residual; for a density,
    D_t ρ − source on solutions.

    Raises:
        ProblemError: the equation gives the rate of a density by no formula point by point.
    """
    whole, density = charge.multiplier, None if problem.stationary else charge.density
    if whole is not None and not charge.flux:
        return Weak(law_terms(problem, charge, {}), tuple(problem.extent), density)
    if whole is not None:
        one = JetFunction(problem.space, lambda j: whole(j)[None], "Λ·residual")
        return Weak(one, tuple(problem.axes), density)
    if not problem.dynamics.pointwise:
        raise ProblemError(
            f"Whether the density {charge.name!r} is conserved cannot be decided pointwise, since "
            f"the equation contains {', '.join(problem.dynamics.leading.values())}: declare a "
            "pinn.Multiplier, or a pinn.Balance with flux=."
        )
    terms = problem.dynamics.restricted(law_terms(problem, charge, {}))
    return Weak(terms, tuple(problem.extent), density)


def law_terms(problem: Problem, charge: Charge, flux: Mapping[str, JetFunction]) -> JetFunction:
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


def _sums(terms: Array) -> tuple[Array, Array]:
    return jnp.sum(terms, axis=0), jnp.sum(jnp.abs(terms), axis=0)


def field_test(problem: Problem, charge: Charge) -> tuple[Callable[[Jet], Any], set[str]]:
    """Return all that is evaluated of a charge at one jet, and the entries that it needs."""
    law = pointwise(problem, charge)
    source = None if charge.source is None else problem.dynamics.restricted(charge.source)
    density = charge.density
    length = 1.0 if problem.stationary else problem.interval.length
    needs = {*density.needs, *(law[1] if law else ()), *(source.needs if source else ())}

    def test(jet: Jet) -> dict[str, tuple[Array, Array]]:
        value, slope = jax.jvp(*_along(problem, density, jet))
        found = {"value": (value, jnp.abs(value)), "slope": (slope, jnp.abs(slope))}
        found["claim"] = law[0](jet) if law else (0.0 * value, jnp.abs(value))
        if source is not None:
            rate = source(jet)
            found["source"] = rate, IDLE / TERMS / length * jnp.abs(value)
        return found

    return test, needs


def _along(problem: Problem, density: JetFunction, jet: Jet) -> tuple[Any, Any, Any]:
    """Return a density as a function of its entries, those, and a direction for them."""
    space = problem.space
    at = {n: jet[n] for n in density.needs}
    length = lambda n: problem.axes[n].length if space.is_coordinate(n) else None  # noqa: E731
    move = {n: direction(n, v, space.shape(n), length(n)) for n, v in at.items()}
    return lambda values: density(Jet(space, values)), (at,), (move,)


def with_walls(problem: Problem, charge: Charge) -> tuple[Charge, list[Obstacle]]:
    """Return a charge with its leaks, and what keeps its total from being conserved.

    Where no flux was accepted, one of at most a millionth is no leak but an obstacle of that size.
    """
    walls = faces(problem.extent)
    parts = {"density": charge.density, **charge.flux}
    jumps = {c: size for c, size in seams(problem, parts).items() if size > ROUNDING}
    if jumps:
        worst = max(jumps, key=lambda c: jumps[c])
        return charge, [Obstacle(worst, jumps[worst], "seam")]
    sizes = {face: leak(problem, charge.flux[face[0]], face) for face in walls}
    accepted = charge.balance or problem.stationary  # whose laws are of fluxes alone
    least = ROUNDING if accepted else TOLERANCE
    leaks = tuple(face for face, size in sizes.items() if size > least)
    found = [
        Obstacle(f"{face[0]} = {_end(problem, face):g}", size, "wall")
        for face, size in sizes.items()
        if size > ROUNDING and not accepted
    ]
    return replace(charge, leaks=leaks), found


def _end(problem: Problem, face: tuple[str, int]) -> float:
    axis = problem.extent[face[0]]
    return axis.upper if face[1] else axis.lower
