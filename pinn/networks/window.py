"""The ansatz inside one time window: the Taylor polynomial of the initial data plus a network."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.jets import Jet, JetSpace, prolong
from pinn.networks.grading import Grading


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Window:
    """A stretch of time with the initial data at its start.

    Args:
        start: t₀.
        length: h.
        taylor: by field, value and time derivatives at t₀ up to the one the equation implies,
            of shape (order + 1, *field's shape).
        scale: by field, the size of the field in the window; the network's output is in its units.
        grading: by space axis, the coordinate in which the window's functions are smooth.
    """

    start: Float[Array, ""]
    length: Float[Array, ""]
    taylor: Mapping[str, Float[Array, "..."]]
    scale: Mapping[str, Float[Array, ""]]
    grading: Mapping[str, Grading] = field(default_factory=dict)

    def elapsed(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the time since the start at a share of the window, s = fl(t₀ + share · h) − t₀.

        It is one by which time can advance from t₀: far from t = 0 the equation would otherwise be
        asked at another time than the network.
        """
        return (self.start + share * self.length) - self.start

    def inside(self, share: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the same for collocation points: at the end just before it, as at a breakpoint."""
        last = jnp.nextafter(self.start + self.length, self.start)
        return jnp.minimum(self.elapsed(share), last - self.start)


def hard_start(
    network: Callable[[Float[Array, " 1"]], Float[Array, " n"]],
    window: Window,
    shapes: Mapping[str, tuple[int, ...]],
) -> Callable[[Float[Array, ""]], dict[str, Array]]:
    """Return the fields as a function of the time since the window's start, s = t − t₀.

    u(s) = Σ_{k≤n} u⁽ᵏ⁾(t₀) sᵏ/k! + scale (s/h)ⁿ⁺¹ N(2s/h − 1), with n the equation's order: value,
    velocity and the acceleration that the equation implies hold exactly, whatever N is
    (Lagaris, Likas & Fotiadis 1998, eq. 9, doi:10.1109/72.712178, to higher order).
    """

    def fields(elapsed: Float[Array, ""]) -> dict[str, Array]:
        fraction = elapsed / window.length
        learned = network((2.0 * fraction - 1.0)[None])
        values, used = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            taylor = window.taylor[name]
            correction = learned[used : used + size].reshape(shape)
            power = fraction ** taylor.shape[0]
            values[name] = _polynomial(taylor, elapsed) + window.scale[name] * power * correction
            used += size
        return values

    return fields


def _polynomial(taylor: Array, elapsed: Array) -> Array:
    total = taylor[-1] / math.factorial(taylor.shape[0] - 1)
    for order in reversed(range(taylor.shape[0] - 1)):
        total = total * elapsed + taylor[order] / math.factorial(order)
    return total


def window_jet(
    fields: Callable[[Array], dict[str, Array]],
    space: JetSpace,
    time: str,
    entries: tuple[str, ...],
    start: Float[Array, ""],
) -> Callable[[Float[Array, ""]], Jet]:
    """Return the jet of a window's fields as a function of the time since its start.

    Differentiating in elapsed time keeps every digit late in a long run, where t − t₀ would not.
    """
    derivatives = prolong(fields, space, [n for n in entries if n != time])

    def jet_at(elapsed: Float[Array, ""]) -> Jet:
        values = dict(derivatives(elapsed))
        if time in entries:
            values[time] = start + elapsed
        return Jet(space, values)

    return jet_at
