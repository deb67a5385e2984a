"""From what a problem claims to its charges: symmetries first, then declared laws."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, on_jets
from pinn.noether.charge import Charge
from pinn.noether.current import noether_current, symmetry_defect, work
from pinn.noether.declared import declared_charges
from pinn.noether.invariance import is_symmetry
from pinn.noether.symmetry import Symmetry
from pinn.noether.typical import random_solutions
from pinn.problem.problem import Problem

CANCELLED = 1e-13


def derive_charges(problem: Problem) -> dict[str, Charge]:
    """Return every charge of a problem by name, not yet verified: from symmetries, then declared.

    Raises:
        ProblemError: two charges share a name, or a scale names no charge.
    """
    charges: dict[str, Charge] = {}
    for charge in (*_from_symmetries(problem), *declared_charges(problem)):
        if charge.name in charges:
            raise ProblemError(
                f"Two charges are named {charge.name!r}: give one of them another name=."
            )
        charges[charge.name] = charge
    for name in problem.scales:
        if name not in charges:
            raise ProblemError(
                f"scales= names {name!r}, but the charges are {', '.join(charges) or 'none'}."
            )
    return charges


def _from_symmetries(problem: Problem) -> list[Charge]:
    lagrangian = problem.action_density
    if lagrangian is None:
        return []
    return [_noether_charge(problem, lagrangian, symmetry) for symmetry in problem.symmetries]


def _noether_charge(problem: Problem, lagrangian: JetFunction, symmetry: Symmetry) -> Charge:
    space, sign = problem.space, symmetry.sign
    time = "" if problem.stationary else problem.time
    generator = symmetry.build(lagrangian, time)
    signed = lambda f, name: JetFunction(space, lambda j: sign * f(j), name)  # noqa: E731
    current = noether_current(lagrangian, generator)
    flux = {c: signed(current[c], f"flux {symmetry.name}") for c in problem.extent}
    density = current[time] if time else JetFunction(space, lambda j: jnp.zeros(generator.family))
    if symmetry.charge is not None:
        density = on_jets(space, symmetry.charge, f"charge {symmetry.name!r}")
    gains = [work(generator, problem.dynamics.forces)] if problem.dynamics.forces else []
    if symmetry.balance and not (problem.extent and is_symmetry(problem, lagrangian, generator)):
        gains.append(symmetry_defect(lagrangian, generator))
    source = JetFunction(space, lambda j: sign * sum(g(j) for g in gains), "source")
    return Charge(
        symmetry.name,
        _reduced(problem, signed(density, symmetry.name)),
        _reduced(problem, source) if gains else None,
        problem.scales.get(symmetry.name),
        generator,
        symmetry.balance,
        flux,
    )


def _reduced(problem: Problem, function: JetFunction) -> JetFunction:
    """Return a function over fields without the entries that cancel in it, as u_t in an energy."""
    space = problem.space
    entries = [n for n in function.needs if not space.is_coordinate(n)]
    if not problem.extent or not entries:
        return function
    jets = random_solutions(problem, function.needs, seed=7, count=8)
    evaluate = lambda values: function(Jet(space, values))  # noqa: E731
    slopes = jax.jit(jax.vmap(jax.jacfwd(evaluate)))(dict(jets))
    sizes = {n: float(np.max(np.abs(slopes[n]), initial=0.0)) for n in entries}
    idle = {n for n in entries if sizes[n] <= CANCELLED * max(sizes.values())}

    def expression(jet: Jet) -> Array:
        kept = {n: jnp.zeros(space.shape(n)) if n in idle else jet[n] for n in function.needs}
        return function(Jet(space, kept))

    return JetFunction(space, expression, function.name) if idle else function
