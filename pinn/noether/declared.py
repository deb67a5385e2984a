"""Charges that a problem declares: densities, balance laws and multipliers."""

from dataclasses import replace
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, homotopy, on_jets, total_derivative
from pinn.noether.charge import Charge
from pinn.noether.functions import divergence_gap
from pinn.noether.reach import Reach
from pinn.noether.rounding import Defect
from pinn.noether.typical import random_solutions, typical
from pinn.problem.axes import Interval
from pinn.problem.problem import Balance, Multiplier, Problem

REMAINDER = 1e-10
LOAD_NODES = 24
NODES, MORE_NODES = 12, 48  # along rays: the fewer are exact for polynomials


def declared_charges(problem: Problem) -> list[Charge]:
    """Return the charges in conserved=, not yet verified.

    Raises:
        ProblemError: a density, source, flux or multiplier has the wrong shape or coordinate.
    """
    build = {Multiplier: _of_multiplier, Balance: _of_balance}
    return [
        build.get(type(declared), _of_density)(problem, name, declared)
        for name, declared in problem.conserved.items()
    ]


def _of_density(problem: Problem, name: str, declared) -> Charge:
    if problem.stationary:
        raise ProblemError(
            f"The problem is stationary, so that {name!r} has no density to conserve: state it as "
            "a pinn.Multiplier, or as a pinn.Balance with a flux=."
        )
    density = _array(problem, declared, f"charge {name!r}")
    return Charge(name, density, scale=problem.scales.get(name))


def _of_balance(problem: Problem, name: str, declared: Balance) -> Charge:
    if problem.stationary and not declared.flux:
        raise ProblemError(
            f"The problem is stationary, so that the balance law {name!r} is one of fluxes: give "
            "flux= by coordinate."
        )
    density = _array(problem, declared.density, f"charge {name!r}")
    source = declared.source
    if source is not None:
        source = _array(problem, source, f"source of {name!r}")
        _check_shape(name, "source", source, density)
    flux = {
        c: _array(problem, f, f"flux of {name!r} along {c}")
        for c, f in (declared.flux or {}).items()
    }
    for coordinate, part in flux.items():
        if coordinate not in problem.extent:
            raise ProblemError(
                f"The flux of {name!r} is along {coordinate!r}, which is not a space axis; those "
                f"are {', '.join(problem.extent) or 'none'}."
            )
        _check_shape(name, f"flux along {coordinate}", part, density)
    if flux:  # what is left out does not flow
        zero = JetFunction(problem.space, lambda j: jnp.zeros(density.shape), "no flux")
        flux = {c: flux.get(c, zero) for c in problem.extent}
    return Charge(name, density, source, problem.scales.get(name), balance=True, flux=flux)


def _of_multiplier(problem: Problem, name: str, declared: Multiplier, nodes: int = NODES) -> Charge:
    residual, space = problem.dynamics.residual, problem.space
    given = on_jets(space, lambda j: jnp.asarray(declared.function(j)), f"multiplier {name!r}")
    if int(np.prod(given.shape)) != residual.size:
        raise ProblemError(
            f"The multiplier {name!r} has {int(np.prod(given.shape))} components, but the equation "
            f"has {residual.size}: return one number for each, in the residual's order."
        )
    whole = JetFunction(space, lambda j: jnp.ravel(given(j)) @ residual(j), f"Λ·residual of {name}")
    zero, scale = JetFunction(space, lambda j: jnp.zeros(()), "0"), problem.scales.get(name)
    if declared.density is not None:
        density = _array(problem, declared.density, f"density of {name!r}")
        _check_one(name, density)
        return Charge(name, density, scale=scale, multiplier=whole)
    found = _divergence_of(problem, name, whole, tuple(problem.axes), nodes)
    density = zero if problem.stationary else found[problem.time]
    flux = {c: found[c] for c in problem.extent}
    return Charge(name, density, scale=scale, flux=flux, multiplier=whole)


def with_flux(problem: Problem, charge: Charge, reach: Reach) -> tuple[Charge, Defect | None]:
    """Return a charge with the flux that was left to the library, and how well it carries the law.

    Found with more nodes where it does not carry it to rounding; no defect where the flux was given
    or is not needed.
    """
    whole, found = charge.multiplier, bool(charge.flux)
    if (found and whole is None) or (problem.stationary and whole is None):
        return charge, None
    if not found and not any(isinstance(a, Interval) for a in problem.extent.values()):
        return charge, None
    gap = None
    for nodes in (NODES, MORE_NODES):
        charge = _found_flux(problem, charge, nodes, found)
        if found and whole is not None:
            parts = (
                charge.flux if problem.stationary else {problem.time: charge.density, **charge.flux}
            )
            law = whole
        else:
            parts = charge.flux
            law = _negative(rate_of_change(problem, charge))
        gap = divergence_gap(problem, reach, law, {c: parts[c] for c in problem.axes if c in parts})
        if not gap.real:
            break
    return charge, gap


def _found_flux(problem: Problem, charge: Charge, nodes: int, found: bool) -> Charge:
    """Return a charge with its flux by so many nodes, where it was not found before."""
    if not found:
        return replace(charge, flux=spatial_flux(problem, charge, nodes))
    if nodes == NODES:
        return charge
    declared = cast(Multiplier, problem.conserved[charge.name])
    return _of_multiplier(problem, charge.name, declared, nodes)


def _negative(function: JetFunction) -> JetFunction:
    return JetFunction(function.space, lambda jet: -function(jet), f"−{function.name}")


def spatial_flux(problem: Problem, charge: Charge, nodes: int = NODES) -> dict[str, JetFunction]:
    """Return the flux of a declared density, by the homotopy operator in space.

    On solutions, or for a multiplier on every jet, the density's rate less the source is −D_x X.
    """
    rate = rate_of_change(problem, charge)
    found = _divergence_of(problem, charge.name, rate, tuple(problem.extent), nodes)
    return {c: _negative(f) for c, f in found.items()}


def _divergence_of(
    problem: Problem, name: str, function: JetFunction, axes: tuple[str, ...], nodes: int
) -> dict[str, JetFunction]:
    start = origin(problem, function)
    jets = random_solutions(problem, function.needs, seed=5, count=4)
    beginning = {
        n: v
        if problem.space.is_coordinate(n)
        else jnp.broadcast_to(jnp.asarray(start.get(n, 0.0), v.dtype), v.shape)
        for n, v in jets.items()
    }
    left, size = (
        np.max(np.abs(jax.vmap(function)(Jet(problem.space, values))), initial=0.0)
        for values in (beginning, dict(jets))
    )
    found = homotopy(function, axes, start, nodes)
    if not left <= REMAINDER * size:  # what drives constant fields, as a load, flows along one axis
        first = next(iter(problem.extent))
        rest, load = found[first], _load(problem, function, start, first)
        found[first] = JetFunction(problem.space, lambda j: rest(j) + load(j), f"flux of {name}")
    return found


def _load(
    problem: Problem, function: JetFunction, start: dict[str, np.ndarray], axis: str
) -> JetFunction:
    """Return ∫ f(u⁰) along an axis from its lower end, the flux that a constant jet leaves over."""
    space, lower = problem.space, problem.extent[axis].lower
    nodes, weights = np.polynomial.legendre.leggauss(LOAD_NODES)

    def constant(name: str) -> Array:
        value = jnp.asarray(start.get(name, 0.0), jnp.result_type(float))
        return jnp.broadcast_to(value, space.shape(name))

    def expression(jet: Jet) -> Array:
        length = jet[axis] - lower

        def at(share: Array) -> Array:
            moved = {n: jet[n] if space.is_coordinate(n) else constant(n) for n in function.needs}
            if axis in moved:
                moved[axis] = lower + share * length
            return function(Jet(space, moved))

        real = jnp.result_type(float)
        values = jax.vmap(at)(jnp.asarray(0.5 * (1.0 + nodes), real))
        return length * jnp.tensordot(jnp.asarray(0.5 * weights, real), values, axes=1)

    return JetFunction(space, expression, "load")


def rate_of_change(problem: Problem, charge: Charge) -> JetFunction:
    """Return D_t ρ − source on solutions, or D_t ρ − Λ·residual on every jet."""
    density = total_derivative(charge.density, problem.time)
    loss = charge.multiplier if charge.multiplier is not None else charge.source

    def expression(jet: Jet):
        return density(jet) - loss(jet) if loss is not None else density(jet)

    rate = JetFunction(problem.space, expression, f"rate of {charge.name!r}")
    return rate if charge.multiplier is not None else problem.dynamics.restricted(rate)


def origin(problem: Problem, function: JetFunction) -> dict[str, np.ndarray]:
    """Return the constant jet from which a homotopy starts: zero, or typical values."""
    zero = {n: jnp.zeros(problem.space.shape(n)) for n in function.needs}
    middle = {c: 0.5 * (a.lower + a.upper) + 0.1 * a.length for c, a in problem.axes.items()}
    zero |= {c: jnp.asarray(v) for c, v in middle.items() if c in zero}
    moving = {n: v for n, v in zero.items() if not problem.space.is_coordinate(n)}
    fixed = {n: v for n, v in zero.items() if n not in moving}
    at = lambda m: function(Jet(problem.space, {**fixed, **m}))  # noqa: E731
    jacobian = jax.jit(jax.jacfwd(at))(moving)
    if all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((at(moving), jacobian))):
        return {}
    return {n: v for n, v in typical(problem).items() if np.any(v)}


def _check_shape(name: str, what: str, part: JetFunction, density: JetFunction) -> None:
    if part.shape != density.shape:
        raise ProblemError(
            f"The {what} of {name!r} has shape {part.shape}, but its density has shape "
            f"{density.shape}: make them agree."
        )


def _check_one(name: str, density: JetFunction) -> None:
    if density.shape != ():
        raise ProblemError(
            f"The density of {name!r} has shape {density.shape}, but a multiplier gives one law: "
            "return a scalar."
        )


def _array(problem: Problem, function, name: str) -> JetFunction:
    wrapped = on_jets(problem.space, lambda j: jnp.asarray(function(j)), name)
    if len(wrapped.shape) > 1:
        raise ProblemError(f"The {name} must return a scalar or a vector, got {wrapped.shape}.")
    return wrapped
