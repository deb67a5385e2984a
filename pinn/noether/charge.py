"""Charges: what a problem conserves, and what it balances."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, on_jets, partial
from pinn.noether.current import noether_current, symmetry_defect, work
from pinn.noether.generator import Generator
from pinn.noether.symmetry import Symmetry
from pinn.problem.problem import Balance, Problem


@dataclass(frozen=True, eq=False)
class Charge:
    """A function I of the jet with dI/dt = source on solutions; no source means conserved.

    Args:
        name: what it is called in tables and in `solution.charges(t)`.
        density: I as a function of the jet, a scalar or a vector.
        source: its rate of change by friction, forcing or a broken symmetry, of the same shape.
        scale: the size that its drift is measured against, if declared.
        generator: the symmetry it came from, if it came from one.
        balance: whether a broken symmetry was accepted.
    """

    name: str
    density: JetFunction
    source: JetFunction | None = None
    scale: float | None = None
    generator: Generator | None = None
    balance: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The jet entries that the charge and its source depend on."""
        sources = self.source.needs if self.source is not None else ()
        return tuple(sorted({*self.density.needs, *sources}))

    def drift_scale(self, initial: Jet) -> Float[Array, "..."]:
        """Return the size that drift is measured against, one for all components.

        It is the declared scale, else the charge's norm at the start; where that vanishes against
        Σ |u_J ∂I/∂u_J|, the size of its terms (a zero angular momentum of moving bodies), the size
        of its terms; else one.
        """
        if self.scale is not None:
            return jnp.asarray(self.scale, jnp.result_type(float))
        norm = jnp.sqrt(jnp.sum(self.density(initial) ** 2))
        terms = jnp.sqrt(jnp.sum(self._term_size(initial) ** 2))
        natural = jnp.where(norm > 1e-6 * terms, norm, terms)
        return jnp.where(natural > 0.0, natural, 1.0)

    def _term_size(self, jet: Jet) -> Array:
        size = jnp.zeros(self.density.shape)
        for name in self.density.needs:
            if not self.density.space.is_coordinate(name):
                slope, value = partial(self.density, name)(jet), jet[name]
                size = size + jnp.tensordot(jnp.abs(slope), jnp.abs(value), axes=value.ndim)
        return size


def derive_charges(problem: Problem) -> dict[str, Charge]:
    """Return every charge of a problem by name, not yet verified: from symmetries, then declared.

    Raises:
        ProblemError: two charges share a name, or a scale names no charge.
    """
    charges: dict[str, Charge] = {}
    for charge in (*_from_symmetries(problem), *_declared(problem)):
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
    generator = symmetry.build(lagrangian, problem.time)
    density = noether_current(lagrangian, generator)[problem.time]
    if symmetry.charge is not None:
        density = on_jets(space, symmetry.charge, f"charge {symmetry.name!r}")
    gains = [work(generator, problem.dynamics.forces)] if problem.dynamics.forces else []
    if symmetry.balance:
        gains.append(symmetry_defect(lagrangian, generator))
    source = JetFunction(space, lambda j: sign * sum(g(j) for g in gains), "source")
    return Charge(
        symmetry.name,
        JetFunction(space, lambda j: sign * density(j), symmetry.name),
        source if gains else None,
        problem.scales.get(symmetry.name),
        generator,
        symmetry.balance,
    )


def _declared(problem: Problem) -> list[Charge]:
    charges = []
    for name, declared in problem.conserved.items():
        density = declared.density if isinstance(declared, Balance) else declared
        source = declared.source if isinstance(declared, Balance) else None
        density = _array(problem, density, f"charge {name!r}")
        if source is not None:
            source = _array(problem, source, f"source of {name!r}")
            if source.shape != density.shape:
                raise ProblemError(
                    f"The source of {name!r} has shape {source.shape}, but its density has shape "
                    f"{density.shape}: make them agree."
                )
        charges.append(Charge(name, density, source, problem.scales.get(name)))
    return charges


def _array(problem: Problem, function, name: str) -> JetFunction:
    wrapped = on_jets(problem.space, lambda j: jnp.asarray(function(j)), name)
    if len(wrapped.shape) > 1:
        raise ProblemError(f"The {name} must return a scalar or a vector, got {wrapped.shape}.")
    return wrapped


def evaluate(charges: Mapping[str, Charge], jet: Jet) -> dict[str, Array]:
    """Return each charge's value at a jet of one point."""
    return {name: charge.density(jet) for name, charge in charges.items()}
