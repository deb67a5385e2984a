"""Rates at which charges change, by sources inside and by what leaves, and what they read."""

from collections.abc import Callable, Iterable, Mapping

import jax.numpy as jnp
from jaxtyping import Array

from pinn.jets import Jet, JetFunction
from pinn.noether.charge import Charge
from pinn.noether.totals import outflow, total
from pinn.spectral import Quadrature

JetAt = Callable[..., Jet]


def rates(
    charges: Mapping[str, Charge], grid: Quadrature | None, jet_at: JetAt
) -> dict[str, Array]:
    """Return dI/dt of each charge: its source over space, less what leaves through the walls."""
    sources = {n: c.source for n, c in charges.items() if c.source is not None}
    at_a_point = lambda jet: {n: source(jet) for n, source in sources.items()}  # noqa: E731
    if grid is None:
        return at_a_point(jet_at())
    gained = total(grid, at_a_point, jet_at) if sources else {}
    return {n: gained.get(n, 0.0) - outflow(c, grid, jet_at) for n, c in charges.items()}


def size_of(function: JetFunction) -> JetFunction:
    """Return a function's magnitude."""
    return JetFunction(function.space, lambda jet: jnp.abs(function(jet)), function.name)


def flux_needs(charge: Charge, axes: Iterable[str] | None) -> set[str]:
    """Return the entries of the jet that a charge's flux along some axes, or all, reads."""
    wanted = charge.flux if axes is None else axes
    return {name for axis in wanted for name in charge.flux[axis].needs}


def rate_needs(charge: Charge) -> set[str]:
    """Return the entries of the jet that a charge's rate of change reads."""
    source = charge.source.needs if charge.source is not None else ()
    return {*source, *flux_needs(charge, {axis for axis, _ in charge.leaks})}
