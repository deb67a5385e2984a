"""Implicit collocation in time on short panels: stiff systems in large steps, dense in time.

On a panel of length h the state is the polynomial of degree s through its start that solves the
equation at the s nodes of Radau IIA. It is L-stable, of order 2s − 1 at the end of a panel, and
the polynomial itself is the solution between: its last coefficients tell whether it is resolved.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.references.blocks import Layout

# Unknowns a block: few are quickly inverted; with more than the limit the inverses fill gigabytes.
SMALL_BLOCK, BLOCK_LIMIT = 600, 2700
# Times block³, up to which rate · duration many short panels without inverses are quicker.
GENTLE = 2e-5
ITERATIONS = 40
# High derivatives carry rounding far above that of the state; corrections stop shrinking there.
NOISE = 1e-8


@dataclass(frozen=True)
class Radau:
    """The Radau IIA method with an even number s of stages.

    Source: Hairer & Wanner, Solving Ordinary Differential Equations II (1996), section IV.5,
    doi:10.1007/978-3-642-05221-7.
    """

    stages: int

    @cached_property
    def nodes(self) -> np.ndarray:
        """The nodes c in (0, 1], the zeros of P_{s−1}(2c − 1) − P_s(2c − 1)."""
        series = np.zeros(self.stages + 1)
        series[-2:] = (1.0, -1.0)
        slope = np.polynomial.legendre.legder(series)
        z = np.sort(np.polynomial.legendre.legroots(series).real)
        for _ in range(3):
            value = np.polynomial.legendre.legval(z, series)
            z = z - value / np.polynomial.legendre.legval(z, slope)
        z[-1] = 1.0
        return 0.5 * (1.0 + z)

    @cached_property
    def matrix(self) -> np.ndarray:
        """The matrix A, A_ij = ∫ of the j-th Lagrange polynomial from 0 to c_i."""
        legendre = np.polynomial.legendre
        z = 2.0 * self.nodes - 1.0
        values = legendre.legvander(z, self.stages - 1)
        integrals = np.stack(
            [legendre.legval(z, legendre.legint(row, lbnd=-1)) for row in np.eye(self.stages)], -1
        )
        return 0.5 * integrals @ np.linalg.inv(values)

    @cached_property
    def modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One eigenvalue of each complex pair of A, with the projections onto and from it."""
        values, vectors = np.linalg.eig(self.matrix)
        upper = values.imag > 0.0
        return values[upper], np.linalg.inv(vectors)[upper], 2.0 * vectors[:, upper]

    @cached_property
    def analysis(self) -> np.ndarray:
        """The matrix from values at 0 and the nodes to Chebyshev coefficients in time."""
        z = 2.0 * np.concatenate([[0.0], self.nodes]) - 1.0
        return np.linalg.inv(np.polynomial.chebyshev.chebvander(z, self.stages))


class Panel(NamedTuple):
    """A solved panel: values at the nodes, the size of what is missing, and how it converged."""

    stages: Float[Array, "stages components *points"]
    tail: Float[Array, ""]
    iterations: Array
    change: Float[Array, ""]


@dataclass(frozen=True, eq=False)
class Collocation:
    """Panels of dY/dt = rate(t, Y), by a Newton iteration whose linear part is diagonalised.

    (1 − hA ⊗ L) δ = Y₀ + hA rate(Y) − Y, with L the linearisation at the mean around the circles:
    one small block for each Fourier mode and eigenvalue of A. What is left of the rate contracts
    by its own size times h, so that stiffness costs nothing.

    Args:
        rate: of t and Y.
        layout: how Y falls into Fourier modes.
        radau: the method.
    """

    rate: Callable[[Array, Array], Array]
    layout: Layout
    radau: Radau

    @cached_property
    def linearised(self) -> Callable[[Array, Array], Array]:
        """The blocks of L at a time and a state."""

        def blocks(t: Array, state: Array) -> Array:
            mean = self.layout.mean(state)
            act = lambda move: jax.jvp(lambda y: self.rate(t, y), (mean,), (move,))[1]  # noqa: E731
            return self.layout.matrices(act, len(state))

        return jax.jit(blocks)

    def fastest(self, t: Array, state: Array, steps: int = 40) -> float:
        """Return about the largest rate of the linearisation, by growth under its powers."""

        @jax.jit
        def grown(move: Array) -> Array:
            def grow(_, last):
                move, total = last
                moved = jax.jvp(lambda y: self.rate(t, y), (state,), (move,))[1]
                size = jnp.linalg.norm(moved)
                return moved / size, total + jnp.log(size)

            return jax.lax.fori_loop(0, steps, grow, (move / jnp.linalg.norm(move), 0.0))[1]

        start = np.random.default_rng(0).normal(size=state.shape)
        return float(jnp.exp(grown(jnp.asarray(start)) / steps))

    @cached_property
    def inverses(self) -> Callable[[Array, Array], Array]:
        """The inverses of 1 − hλL, of shape (pairs, modes, block, block), from L and h."""
        values = jnp.asarray(self.radau.modes[0])

        def invert(blocks: Array, h: Array) -> Array:
            one = jnp.eye(blocks.shape[-1], dtype=complex)[None]
            return jax.lax.map(lambda v: jnp.linalg.inv(one - h * v * blocks), values)

        return jax.jit(invert)

    @cached_property
    def panel(self) -> Callable[..., Panel]:
        """The panel from a start, with the inverses for its length and each component's size."""
        return jax.jit(self._panel)

    def _panel(
        self, t: Array, state: Array, h: Array, inverses: Array | None, sizes: Array
    ) -> Panel:
        radau = self.radau
        times = t + h * jnp.asarray(radau.nodes)
        sizes = sizes.reshape((-1,) + (1,) * (state.ndim - 1))

        def largest(array: Array, stages: Array) -> Array:
            now = jnp.max(jnp.abs(stages), axis=(0, *range(2, stages.ndim)), keepdims=True)
            return jnp.max(jnp.abs(array) / jnp.maximum(sizes[None], now))

        def defect(stages: Array) -> Array:
            rates = jax.lax.map(lambda a: self.rate(*a), (times, stages))
            moved = jnp.tensordot(jnp.asarray(radau.matrix), rates, axes=1)
            return state[None] + h * moved - stages

        def iterate(last):
            stages, change, count, _ = last
            move = self._precondition(inverses, defect(stages))
            new = largest(move, stages)
            settled = (new < 1e-15) | ((new < NOISE) & (new > 0.8 * change))
            lost = ~(new < 1e3) | ((count > 5) & (new > change) & (new > NOISE))
            return stages + move, new, count + 1, settled | lost

        guess = jnp.broadcast_to(state[None], (radau.stages, *state.shape))
        first = (guess, jnp.asarray(jnp.inf), jnp.asarray(0), jnp.asarray(False))
        going = lambda last: ~last[3] & (last[2] < ITERATIONS)  # noqa: E731
        stages, change, count, _ = jax.lax.while_loop(going, iterate, first)
        nodal = jnp.concatenate([state[None], stages])
        last = jnp.tensordot(jnp.asarray(radau.analysis[-2:]), nodal, axes=1)
        return Panel(stages, largest(last, stages), count, change)

    def _precondition(self, inverses: Array | None, right: Array) -> Array:
        if inverses is None:
            return right
        # The other of each pair contributes the complex conjugate in space.
        _, into, back = self.radau.modes
        modes = jax.vmap(self.layout.modes)(right)
        modes = jnp.tensordot(jnp.asarray(into), modes, axes=1)
        modes = jnp.einsum("skij,skj->ski", inverses, modes)
        modes = jnp.tensordot(jnp.asarray(back), modes, axes=1)
        return jax.vmap(self.layout.values)(modes)


def marched(
    collocation: Collocation,
    start: Array,
    breakpoints: np.ndarray,
    tolerance: float,
    accept: Callable[[float, Array, float, Array], bool],
) -> None:
    """March over panels, each as long as the tolerance allows.

    Args:
        collocation: solves one panel.
        start: the state at the first breakpoint.
        breakpoints: times at which a panel must end, the first and the last included.
        tolerance: what the last coefficients in time may be, relative to each component.
        accept: told each panel's end, start, length and values at its nodes; False stops the march.
    """
    now = float(breakpoints[0])
    state, sizes = start, _sizes(start, jnp.zeros(len(start)))
    h, blocks, length, inverses = 0.02 * float(breakpoints[1] - breakpoints[0]), None, 0.0, None
    smallest = 1e-9 * float(breakpoints[-1] - breakpoints[0])
    blocked = _blocked(collocation, start, breakpoints)
    for end in breakpoints[1:]:
        while (left := float(end) - now) > 0.0:
            step = left / max(1, int(np.ceil(left / h - 1e-6)))
            t = jnp.asarray(now)
            if blocks is None and blocked:
                blocks, length = collocation.linearised(t, state), 0.0
            if step != length:
                inverses, length = _inverses(collocation, blocks, step), step
            panel = collocation.panel(t, state, jnp.asarray(step), inverses, sizes)
            tail, change, count = (float(v) for v in (panel.tail, panel.change, panel.iterations))
            good = np.isfinite(tail) and change < NOISE
            floor = max(tolerance, 4.0 * change)
            factor = (floor / max(tail, 1e-18)) ** (1.0 / collocation.radau.stages)
            if not good or tail > 2.0 * floor:
                h = step * (min(0.8, max(0.25, 0.9 * factor)) if good else 0.5)
                blocks = None
                if h < smallest:
                    raise FloatingPointError(now)
                continue
            now = float(end) if step == left else now + step
            if not accept(now, t, step, jnp.concatenate([state[None], panel.stages])):
                return
            state = panel.stages[-1]
            sizes = _sizes(state, sizes)
            blocks = None if count > 12 else blocks
            growth = min(2.0, 0.9 * factor, 2.0 if count < 20 else 0.8)
            if growth > 1.15 or growth < 1.0:
                h = step * growth


def _sizes(state: Array, before: Array) -> Array:
    now = jnp.max(jnp.abs(state.reshape((len(state), -1))), axis=1)
    largest = jnp.maximum(now, before)
    return jnp.maximum(largest, 1e-3 * jnp.max(largest) + 1e-300)


def _blocked(collocation: Collocation, state: Array, breakpoints: np.ndarray) -> bool:
    """Tell whether to invert blocks; else the iteration is plain, and panels are short if stiff."""
    block = len(state) * collocation.layout.across
    if block <= SMALL_BLOCK or block > BLOCK_LIMIT:
        return block <= SMALL_BLOCK
    duration = float(breakpoints[-1] - breakpoints[0])
    return (
        not collocation.fastest(jnp.asarray(breakpoints[0]), state) * duration < GENTLE * block**3
    )


def _inverses(collocation: Collocation, blocks: Array | None, step: float) -> Array | None:
    return None if blocks is None else collocation.inverses(blocks, jnp.asarray(step))
