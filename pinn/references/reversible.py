"""A leapfrog of whole numbers: it runs forward and back to the very bits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from pinn.errors import ProblemError
from pinn.precision import arithmetic

LARGEST = 2.0**62
"""No coordinate may come near the end of 64-bit integers, where addition wraps around."""


class Lattice(NamedTuple):
    """Positions and velocities as whole multiples of the resolution.

    Args:
        q: positions.
        v: velocities.
    """

    q: Int[Array | np.ndarray, "*n"]
    v: Int[Array | np.ndarray, "*n"]


@dataclass(frozen=True, eq=False)
class IntegerLeapfrog:
    """The leapfrog of q'' = a(q) on a lattice of whole numbers, exactly reversible.

        v ← v + [½ h a(q)],    q ← q + [h v],    v ← v + [½ h a(q)]

    with each increment [·] rounded to the nearest multiple of the resolution. Every line adds to
    one half of the state a function of the other half, so that it is a bijection of the lattice
    whatever rounding does, and with the velocity reversed the same program undoes it bit by bit: a
    finite, reversible system with the Störmer–Verlet error of order 2.

    Source: Levesque & Verlet (1993), J. Stat. Phys. 72:519, doi:10.1007/BF01048022; Rein & Tamayo
    (2018), "JANUS", MNRAS 473:3351, doi:10.1093/mnras/stx2516.

    Args:
        acceleration: a, from positions to accelerations of the same shape.
        step: h.
        resolution: the spacing of the lattice, of positions and of velocities; by default 2⁻⁴⁰.

    Raises:
        ProblemError: the step or the resolution is not a positive number.
    """

    acceleration: Callable[[Float[Array, "*n"]], Float[Array, "*n"]]
    step: float
    resolution: float = 2.0**-40

    def __post_init__(self):
        if not (self.step > 0.0 and self.resolution > 0.0):
            raise ProblemError(
                f"An integer leapfrog needs step > 0 and resolution > 0, got {self.step} and "
                f"{self.resolution}: to run back, reverse the velocity."
            )

    def encode(self, q: ArrayLike, v: ArrayLike) -> Lattice:
        """Return the lattice point nearest to a state.

        Raises:
            ProblemError: positions and velocities do not match, or do not fit into 64 bits.
        """
        halves = np.asarray(q, float), np.asarray(v, float)
        if halves[0].shape != halves[1].shape:
            raise ProblemError(
                f"Positions and velocities must have one shape, got {halves[0].shape} and "
                f"{halves[1].shape}."
            )
        found = [np.rint(half / self.resolution) for half in halves]
        if not all(np.all(np.abs(half) < LARGEST) for half in found):
            raise ProblemError(
                f"The state does not fit into 64-bit integers at the resolution {self.resolution}: "
                "take a coarser one, or smaller units."
            )
        return Lattice(*(half.astype(np.int64) for half in found))

    def decode(self, state: Lattice) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and velocities as numbers."""
        return np.asarray(state.q) * self.resolution, np.asarray(state.v) * self.resolution

    def run(self, state: Lattice, steps: int) -> Lattice:
        """Return the state some steps later.

        Raises:
            ProblemError: fewer steps than none, or the state has left the range of the lattice.
        """
        if steps < 0:
            raise ProblemError(
                f"A leapfrog takes at least 0 steps, got {steps}: to run back, use reversed()."
            )
        with arithmetic("float64"):
            begun = Lattice(*(jnp.asarray(half) for half in state))
            found, largest = self._run(begun, jnp.asarray(steps))
            if not float(largest) < LARGEST:
                raise ProblemError(
                    "The state left the range of 64-bit integers: the motion is not bounded, or "
                    f"the resolution {self.resolution} is too fine for it."
                )
            return Lattice(*(np.asarray(half) for half in found))

    def trajectory(self, state: Lattice, steps: int, every: int = 1) -> Lattice:
        """Return the states at every so many steps, the first included, along a first axis.

        Each is reached by the very program that `run` uses.
        """
        found = [state]
        for _ in range(steps // every):
            found.append(self.run(found[-1], every))
        return Lattice(*(np.stack([np.asarray(state[half]) for state in found]) for half in (0, 1)))

    @staticmethod
    def reversed(state: Lattice) -> Lattice:
        """Return the state with its velocity reversed: the way back is the way forward from it."""
        return Lattice(state.q, -np.asarray(state.v))

    def single(self, state: Lattice) -> Lattice:
        """Return the state one step later, inside a transformation."""
        v = state.v + self._rounded(0.5 * self.step * self._acceleration(jnp.asarray(state.q)))
        drift = self.step * (v.astype(float) * self.resolution)
        q = state.q + self._rounded(jnp.asarray(drift))
        return Lattice(q, v + self._rounded(0.5 * self.step * self._acceleration(jnp.asarray(q))))

    @cached_property
    def _run(self) -> Callable[[Lattice, Array], tuple[Lattice, Array]]:
        # One program, whatever the number of steps: another could round the forces differently.
        def go(state: Lattice, steps: Array) -> tuple[Lattice, Array]:
            def once(_: Array, carry: tuple[Lattice, Array]) -> tuple[Lattice, Array]:
                moved = self.single(carry[0])
                sizes = [jnp.max(jnp.abs(half.astype(float))) for half in moved]
                return moved, jnp.maximum(carry[1], jnp.max(jnp.stack(sizes)))

            return jax.lax.fori_loop(0, steps, once, (state, jnp.zeros(())))

        return jax.jit(go)

    def _acceleration(self, q: Array) -> Array:
        return self.acceleration(q.astype(float) * self.resolution)

    def _rounded(self, increment: Array) -> Array:
        """Return an increment in units of the lattice; to nearest even, and so odd in its sign."""
        return jnp.rint(increment / self.resolution).astype(jnp.int64)
