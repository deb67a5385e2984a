"""How large fields become in a window, also those that are zero at its start."""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.problem.dynamics import Dynamics

SHARES = (0.0, 0.13, 0.41, 0.73, 0.97)
# What is driven less than this, in units of what drives it most at any time, is about at rest.
QUIET = 1e-6


def taylor_orders(
    dynamics: Dynamics, state: Mapping[str, np.ndarray], start: float
) -> dict[str, int]:
    """Return by field the first derivative at the start, of order n or more, that is not zero.

    Of a field that is nothing at first, as a product of a reaction, the first derivatives vanish:
    a window starts from the polynomial that holds the first which does not, or else all of the
    field would be left to the network. It is n, the equation's order, where the state is not zero
    or all derivatives are, as of a body that stays in a plane.
    """
    free = {**{n: jnp.asarray(v) for n, v in state.items()}, dynamics.time: jnp.asarray(start)}
    return {f: _first_order(dynamics, free, f, n) for f, n in dynamics.orders.items()}


def _first_order(dynamics: Dynamics, free: Mapping[str, Array], field: str, order: int) -> int:
    if any(np.any(np.asarray(free[dynamics.entry(field, k)])) for k in range(order)):
        return order
    for k in range(order, order + len(dynamics.orders) + 1):
        name = dynamics.entry(field, k)
        if np.any(np.asarray(dynamics.on_shell(free, (name,))[name])):
            return k
    return order


def largest_rates(
    dynamics: Dynamics, state: Mapping[str, np.ndarray], knots: Float[np.ndarray, " knots"]
) -> dict[str, float]:
    """Return by field the largest rate that explicit forces give a resting state at any time.

    None where the equation has no explicit time, of which two knots tell.
    """
    if knots.size <= 2:
        return dict.fromkeys(dynamics.orders, 0.0)
    times = jnp.asarray(np.concatenate([knots, 0.5 * (knots[1:] + knots[:-1])]))
    fixed = {name: jnp.asarray(value) for name, value in state.items()}
    found = jax.jit(jax.vmap(partial(_rates, dynamics, fixed)))(times)
    return {f: float(np.nanmax(np.abs(np.asarray(v)), initial=0.0)) for f, v in found.items()}


def _rates(dynamics: Dynamics, state: Mapping[str, Array], time: Array) -> dict[str, Array]:
    jet = dynamics.on_shell({**state, dynamics.time: time})
    return {f: jet[dynamics.highest[f]] for f in dynamics.orders}


def field_scales(
    dynamics: Dynamics,
    state: Mapping[str, Array],
    taylor: Mapping[str, Array],
    start: Float[Array, ""],
    length: Float[Array, ""],
    largest: Mapping[str, float],
) -> dict[str, Float[Array, ""]]:
    """Return by field max_k hᵏ |u⁽ᵏ⁾|, of the state and of what the equation gives in the window.

    Where forces act at some time, it is at least a small part of what the largest of them would
    do in a window, so that before a pulse its foot is not resolved to every digit. A field of which
    all that vanishes is measured by the largest field, or by one if all do.
    """
    times = start + length * jnp.asarray(SHARES, length.dtype)
    driven = jax.vmap(partial(_rates, dynamics, state))(times)
    sizes = {}
    for name, order in dynamics.orders.items():
        known = [length**k * _largest(d) for k, d in enumerate(taylor[name])]
        rate = jnp.maximum(_largest(driven[name]), QUIET * largest[name])
        sizes[name] = jnp.max(jnp.stack([*known, length**order * rate]))
    whole = jnp.max(jnp.stack(list(sizes.values())))
    whole = jnp.where(whole > 0.0, whole, jnp.ones_like(whole))
    return {f: jnp.where(size > 0.0, size, whole) for f, size in sizes.items()}


def _largest(values: Array) -> Array:
    return jnp.max(jnp.abs(values))
