"""Charges: what a problem conserves, and what it balances."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.jets import Jet, JetFunction, partial
from pinn.noether.generator import Generator


@dataclass(frozen=True, eq=False)
class Charge:
    """A function I of the jet with dI/dt = source on solutions; no source means conserved.

    Over fields it is a density ρ: D_t ρ + Σ D_x flux_x = source on solutions, I(t) = ∫ ρ over
    space, and dI/dt = ∫ source − [flux] over the faces in `leaks`. A stationary problem has only
    the flux: Σ D_x flux_x = source.

    Args:
        name: what it is called in tables and in `solution.charges(t)`.
        density: I as a function of the jet, a scalar or a vector.
        source: its rate of change by friction, forcing or a broken symmetry, of the same shape.
        scale: the size that its drift is measured against, if declared.
        generator: the symmetry it came from, if it came from one.
        balance: whether a source, or a flux through walls, was accepted.
        flux: by space coordinate, what flows along it; empty where it was not needed.
        leaks: the (axis, end) faces through which the flux does not vanish identically, end 0 for
            the lower and 1 for the upper.
        multiplier: Λ, if it came from one.
    """

    name: str
    density: JetFunction
    source: JetFunction | None = None
    scale: float | None = None
    generator: Generator | None = None
    balance: bool = False
    flux: Mapping[str, JetFunction] = field(default_factory=dict)
    leaks: tuple[tuple[str, int], ...] = ()
    multiplier: JetFunction | None = None

    @property
    def conserved(self) -> bool:
        """Whether nothing changes it: no source, and no flux through a wall."""
        return self.source is None and not self.leaks

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
        terms = jnp.sqrt(jnp.sum(self.term_size(initial) ** 2))
        natural = jnp.where(norm > 1e-6 * terms, norm, terms)
        return jnp.where(natural > 0.0, natural, 1.0)

    def term_size(self, jet: Jet) -> Array:
        """Return Σ |u_J ∂ρ/∂u_J|, the size of the density's terms."""
        size = jnp.zeros(self.density.shape)
        for name in self.density.needs:
            if not self.density.space.is_coordinate(name):
                slope, value = partial(self.density, name)(jet), jet[name]
                size = size + jnp.tensordot(jnp.abs(slope), jnp.abs(value), axes=value.ndim)
        return size


def evaluate(charges: Mapping[str, Charge], jet: Jet) -> dict[str, Array]:
    """Return each charge's value, or its density's, at a jet of one point."""
    return {name: charge.density(jet) for name, charge in charges.items()}
