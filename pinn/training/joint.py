"""The global solve: all windows of time at once, coupled by the states at their joints.

Each window is trained from the state at its start, as in a march. Its trained end is a function of
that state, whose derivative comes of the window's own rows by QR: with J and K the rows' slopes by
the parameters and by the state, the parameters move by −J⁺K. What is left are the states at the
joints, and numbers that all windows share: a bordered system, solved by damped Gauss–Newton.
This is multiple shooting with collocation in the windows
(Ascher, Mattheij & Russell 1995, chapter 4, doi:10.1137/1.9781611971231).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.training.gauss_newton import damped_step
from pinn.training.joints import Joints, Linear, TrainedWindow
from pinn.training.parts import AbstractMachinery, Front, compiler_options
from pinn.training.rows import Stage

# Damping of a window's own columns, relative to their mean square.
OWN = 1e-26
# With a larger residual a window has not followed the equation.
ASTRAY = 1e-3
# So many windows are linearised at once, by one compiled program whatever their number.
BATCH = 4
# An entry of the state is taken to be at least this part of what its field's others make of it.
SMALL = 1e-3

# What the first and last state and the shared numbers miss, one number after the other.
Demands = Callable[[Mapping[str, Array], Mapping[str, Array], Float[Array, " q"]], Array]


@dataclass(frozen=True, eq=False)
class JointSystem:
    """The coupled rows of a machinery's windows.

    Args:
        parts: the machinery, of whatever state.
        demands: what is demanded of the first and last state.
        free: whether the span's length is the first shared number.
        least: what the size of an entry of the state is at least.
    """

    parts: AbstractMachinery
    demands: Demands
    free: bool
    least: float = 0.0

    @cached_property
    def first(self) -> Front:
        """The front that the machinery itself would start from."""
        return self.parts.first_front(0)

    @cached_property
    def unravel(self) -> Callable[[Array], Mapping[str, Array]]:
        """From a flat state to its entries."""
        return ravel_pytree(self.first.state)[1]

    def flat(self, state: Mapping[str, Any]) -> np.ndarray:
        """Return a state as one vector."""
        return np.asarray(ravel_pytree({n: jnp.asarray(v) for n, v in state.items()})[0])

    def times(self, joints: Joints) -> Float[np.ndarray, " joints"]:
        """Return the times of the joints, exact at the ends of the span."""
        span = self.parts.span
        if self.free:
            return span.lower + joints.shares * joints.shared[0]
        times = span.lower + joints.shares * span.length
        stops = np.array([span.lower, *span.breakpoints, span.upper])
        nearest = stops[np.argmin(np.abs(times[:, None] - stops), axis=1)]
        return np.where(np.abs(times - nearest) < 1e-9 * span.length, nearest, times)

    def trained(self, joints: Joints) -> list[TrainedWindow]:
        """Return every window, trained from the state at its start."""
        found: list[TrainedWindow] = []
        for w in range(joints.count):
            found.append(self.window(joints, w, found[-1] if found else None))
        return found

    def window(self, joints: Joints, w: int, before: TrainedWindow | None) -> TrainedWindow:
        """Return one window trained, anew where what it starts from leads nowhere.

        What sources have added to the charges is handed on from the window before.
        """
        gained = self.first.gained if before is None else before.report.gained
        found = self._window(joints, w, gained, joints.parameters[w])
        if found.residual <= ASTRAY:
            return found
        again = self._window(joints, w, gained, self.first.parameters)
        return min(found, again, key=lambda window: window.residual)

    def _window(
        self, joints: Joints, w: int, gained: Mapping[str, Any], parameters: Array
    ) -> TrainedWindow:
        parts, compiled, times = self.parts, self.parts.compiled, self.times(joints)
        gained = {n: jnp.asarray(g) for n, g in gained.items()}
        state = self.unravel(jnp.asarray(joints.states[w]))
        start = jnp.asarray(times[w], parts.dtype)
        front = Front(start, state, gained, parameters, self.first.grading)
        front = self._restarted(front)
        stage, loop = compiled["first"](front, jnp.asarray(times[w + 1] - times[w], parts.dtype))
        known, done = compiled["prepare"](stage), False
        while not done:
            loop, done = compiled["train"](stage, known, loop)
        report = jax.tree.map(np.asarray, compiled["close"](stage, known, loop, front.gained))
        window = TrainedWindow(front, stage, loop, report, joints.states[w])
        return replace(window, end=self.inside(window, 1.0))

    @cached_property
    def _restarted(self) -> Callable[[Front], Front]:
        return jax.jit(self.parts.restarted)

    @cached_property
    def _inside(self) -> Callable[..., Array]:
        at = self.parts.state_at
        return jax.jit(lambda window, p, share: ravel_pytree(at(window, p, share))[0])

    def inside(self, window: TrainedWindow, share: float) -> Float[np.ndarray, " n"]:
        """Return the state inside a window, flat."""
        parameters = jnp.asarray(window.report.parameters)
        at = jnp.asarray(share, self.parts.dtype)
        return np.asarray(self._inside(window.stage.window, parameters, at))

    def at(
        self, joints: Joints, windows: list[TrainedWindow], share: float
    ) -> Float[np.ndarray, " n"]:
        """Return the state at a share of the span, flat."""
        w = int(np.clip(np.searchsorted(joints.shares, share, "right") - 1, 0, joints.count - 1))
        begin, end = joints.shares[w], joints.shares[w + 1]
        return self.inside(windows[w], float((share - begin) / (end - begin)))

    def missed(
        self, joints: Joints, windows: list[TrainedWindow], sizes: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " rows"]:
        """Return the gaps between windows, then what the demands miss, in units of the state."""
        gaps = (np.stack([w.end for w in windows]) - joints.states[1:]) / sizes
        return np.concatenate([gaps.ravel(), self._demanded(joints, sizes)[:, -1]])

    def _demanded(self, joints: Joints, sizes: Float[np.ndarray, " n"]) -> np.ndarray:
        """Return the slopes of the demands and what they miss, in units of the state."""
        both = [jnp.asarray(a) for a in (joints.states[0], joints.states[-1], joints.shared)]
        values, slopes = self._demand(*both)
        units = np.concatenate([sizes, sizes, _scales(joints)])
        slopes = np.concatenate([np.asarray(s) for s in slopes], axis=1) * units
        size = np.sum(np.abs(slopes), axis=1, keepdims=True)
        rows = np.concatenate([slopes, np.asarray(values)[:, None]], axis=1)
        return rows / np.where(size > 0.0, size, 1.0)

    @cached_property
    def _demand(self) -> Callable[[Array, Array, Array], tuple[Array, Any]]:
        def demand(start: Array, end: Array, shared: Array) -> Array:
            return self.demands(self.unravel(start), self.unravel(end), shared)

        slopes = jax.jacfwd(demand, argnums=(0, 1, 2))
        return jax.jit(lambda *both: (demand(*both), slopes(*both)))

    def sizes(self, joints: Joints, windows: list[TrainedWindow]) -> Float[np.ndarray, " n"]:
        """Return the size of each component of the state, none zero."""
        every = np.concatenate([joints.states, np.stack([w.end for w in windows])])
        every = np.where(np.isfinite(every), every, 0.0)
        length = self.times(joints)[-1] - self.times(joints)[0]
        largest = self.unravel(jnp.asarray(np.max(np.abs(every), axis=0)))
        dynamics, found = self.parts.problem.dynamics, {}
        for field, order in dynamics.orders.items():
            names = [dynamics.entry(field, k) for k in range(order)]
            size = [float(np.max(largest[n], initial=0.0)) for n in names]
            base = max((s * length**k for k, s in enumerate(size)), default=0.0)
            for k, n in enumerate(names):
                found[n] = max(size[k], SMALL * base / length**k)
        whole = max(found.values(), default=0.0) or 1.0
        filled = {n: np.full(np.shape(largest[n]), found[n] or whole) for n in largest}
        return np.maximum(self.flat(filled), self.least)

    def linear(self, joints: Joints, windows: list[TrainedWindow]) -> Linear:
        """Return the coupled rows about a place, in units of the states' sizes."""
        sizes, scales = self.sizes(joints, windows), _scales(joints)
        n, q = sizes.size, scales.size
        slopes, moves = self._slopes(joints, windows)
        blocks = np.zeros((joints.count, n, 2 * n + q + 1))
        blocks[:, :, :n] = slopes[:, :, :n] * sizes / sizes[:, None]
        blocks[:, :, n : 2 * n] = -np.eye(n)
        blocks[:, :, 2 * n : -1] = slopes[:, :, n:] * scales / sizes[:, None]
        blocks[:, :, -1] = self.missed(joints, windows, sizes)[: joints.count * n].reshape(-1, n)
        ends = self._demanded(joints, sizes)
        return Linear(blocks, ends, moves, sizes, scales)

    def _slopes(
        self, joints: Joints, windows: list[TrainedWindow]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how each window's end, and its parameters, follow its start and what is shared."""
        times, shares = self.times(joints), joints.shares
        rates = np.stack([shares[:-1], np.diff(shares)], axis=1)
        arrays = (
            jnp.stack([jnp.asarray(w.report.parameters) for w in windows]),
            jnp.asarray(joints.states[:-1]),
            jnp.asarray(times[:-1], self.parts.dtype),
            jnp.asarray(np.diff(times), self.parts.dtype),
            jnp.asarray(rates, self.parts.dtype),
            jax.tree.map(lambda *leaves: jnp.stack(leaves), *[w.front for w in windows]),
        )
        zero = jnp.zeros_like(jnp.asarray(joints.shared))
        found = []
        for begin in range(0, joints.count, BATCH):
            index = np.minimum(np.arange(begin, begin + BATCH), joints.count - 1)
            chosen = jax.tree.map(lambda leaf, index=index: leaf[index], arrays)
            found.append(self._linearised(*chosen, zero))
        slopes, moves = zip(*found, strict=True)
        whole = lambda parts: np.concatenate([np.asarray(p) for p in parts])[: joints.count]  # noqa: E731
        return whole(slopes), whole(moves)

    @cached_property
    def _linearised(self) -> Callable[..., tuple[Array, Array]]:
        each = jax.vmap(self._eliminated, in_axes=(0,) * 6 + (None,))
        return jax.jit(each, compiler_options=compiler_options())

    def _eliminated(
        self,
        parameters: Array,
        state: Array,
        start: Array,
        length: Array,
        rates: Array,
        front: Front,
        shared: Array,
    ) -> tuple[Array, Array]:
        """Return how one window's end and parameters follow its start and what is shared."""
        parts = self.parts

        def opened(state: Array, shared: Array) -> Stage:
            moved = shared[0] if self.free else jnp.zeros((), start.dtype)
            begin = replace(front, time=start + rates[0] * moved, state=self.unravel(state))
            return parts.open(parts.restarted(begin), length + rates[1] * moved)

        def rows(state: Array, shared: Array) -> Array:
            stage = opened(state, shared)
            return parts.objective(stage, parts.prepare(stage)).rows(parameters)

        def end(parameters: Array, state: Array, shared: Array) -> Array:
            window = opened(state, shared).window
            return ravel_pytree(parts.state_at(window, parameters, jnp.ones_like(length)))[0]

        stage = opened(state, shared)
        _, own = parts.objective(stage, parts.prepare(stage)).linearise(parameters)
        by_state = jnp.concatenate(jax.jacfwd(rows, argnums=(0, 1))(state, shared), axis=1)
        unit = jnp.sum(own**2) / parameters.size
        moves = damped_step(own, by_state, OWN * unit)
        directions = jnp.eye(by_state.shape[1], dtype=state.dtype)

        def along(move: Array, direction: Array) -> Array:
            tangent = move, direction[: state.size], direction[state.size :]
            return jax.jvp(end, (parameters, state, shared), tangent)[1]

        return jax.vmap(along, in_axes=(1, 0), out_axes=1)(moves, directions), moves


def _scales(joints: Joints) -> Float[np.ndarray, " q"]:
    """Return the size of each shared number."""
    return np.where(joints.shared != 0.0, np.abs(joints.shared), 1.0)
