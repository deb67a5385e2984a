"""All windows of time at once: states at the joints and unknowns free, the equation as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.bordered import State, as_numpy, eliminated, loss_of
from pinn.estimation.observations import Observations
from pinn.estimation.vector import Vector
from pinn.jets import Jet, JetFunction, prolong
from pinn.problem.problem import Problem
from pinn.spectral import Chebyshev, functions

# Rows of joints and of exact data weigh so much more than the equation's.
TIGHT = 1e2
STEPS, LEVELS, DEGREE = 60, 7, 8
# The weight grows no more where the unknowns move by less than this share of a standard deviation.
STILL = 0.1


@dataclass(frozen=True)
class Guess:
    """Where the windows start from.

    Args:
        z: the unknowns.
        series: each window's coefficients, (windows, degree + 1, components).
    """

    z: Float[np.ndarray, " size"]
    series: Float[np.ndarray, "windows count components"]


@dataclass(frozen=True, eq=False)
class Joint:
    """Polynomials in every window, joined by rows, with data and unknowns: one least squares.

    The rows of window w are, with c_w its coefficients, y_w the state at its start and z the
    unknowns, κ √(q_i) residual(c_w, z)/size at Gauss points, (predicted − measured)/noise, and
    c_w's ends less y_w and y_{w+1}. Each window is eliminated by QR factors of its own columns, all
    at once; what is left couples y and z only
    (Ascher, Mattheij & Russell 1995, section 7.2, doi:10.1137/1.9781611971231).

    Args:
        vector: the unknowns.
        observations: what was measured.
        edges: the ends of the windows.
        degree: of the polynomials.
        noise: of each measurement, by column.
    """

    vector: Vector
    observations: Observations
    edges: Float[np.ndarray, " edges"]
    degree: int
    noise: Mapping[int, np.ndarray]

    @property
    def problem(self) -> Problem:
        """The problem with its unknowns."""
        return self.vector.problem

    @cached_property
    def basis(self) -> Chebyshev:
        """The polynomials on a window, scaled to [−1, 1]."""
        return Chebyshev(-1.0, 1.0, self.degree + 1)

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """The entries of the state, all orders of a field together."""
        return self._guess.dynamics.state_entries

    @cached_property
    def _guess(self) -> Problem:
        return self.problem.traced(self.vector.values(jnp.asarray(self.vector.start)))

    def solve(self, guess: Guess) -> Float[np.ndarray, " size"]:
        """Return the unknowns of least squares, the equation's weight raised step by step.

        κ grows tenfold while the unknowns still move by more than STILL of their deviation: a light
        equation lets the data lead from far away, and a heavy one leaves nothing to compromise.
        """
        sizes = self._sizes(guess)
        system = jax.jit(lambda state, weight: self._system(state, weight, sizes))
        state = State(guess.series, self._states(guess), guess.z)
        for level in range(LEVELS):
            weight = jnp.asarray(10.0**level)
            state, factor = self._climbed(system, weight, state)
            moved = np.linalg.norm(factor @ (state.z - guess.z))
            guess = Guess(state.z, state.series)
            if level > 2 and moved < STILL:
                break
        return self._with_beginning(state)

    def _climbed(self, system: Any, weight: Array, state: State) -> tuple[State, np.ndarray]:
        """Return the least squares at one weight, by Levenberg–Marquardt."""
        damping, (blocks, border) = 1e-4, as_numpy(system(state, weight))
        loss = loss_of(blocks, border)
        for _ in range(STEPS):
            step, factor = eliminated(blocks, border, damping, state)
            trial = state.moved(step)
            found = as_numpy(system(trial, weight))
            reached = loss_of(*found)
            if reached < loss:
                done = reached > (1.0 - 1e-4) * loss
                state, (blocks, border), loss = trial, found, reached
                damping = max(0.1 * damping, 1e-12)
                if done:
                    break
            else:
                damping *= 10.0
                if damping > 1e6:
                    break
        return state, factor

    def _with_beginning(self, state: State) -> np.ndarray:
        """Return the unknowns with the initial data at the start of the first window."""
        z, space = np.array(state.z), self.problem.closed_space
        for part in self.vector.parts:
            if part.name in self.entries and part.unknown is not None:
                value = self._entry(state.states[0], part.name, space)
                low, high = part.unknown.bounds
                margin = 1e-6 * max(float(np.max(np.abs(value))), 1e-6)
                z[part.where] = part.free(np.clip(value, low + margin, high - margin))
        return z

    def _entry(self, state: np.ndarray, name: str, space: Any) -> np.ndarray:
        start = 0
        for entry in self.entries:
            size = int(np.prod(space.shape(entry)))
            if entry == name:
                return state[start : start + size].reshape(space.shape(entry))
            start += size
        raise KeyError(name)

    def _jet_at(self, series: Array, start: Array, length: Array, names: tuple[str, ...]):
        """Return the jet in one window as a function of the share of it."""
        problem, space = self.problem, self.problem.closed_space

        def fields(elapsed: Array) -> dict[str, Array]:
            flat = functions(self.basis, 2.0 * elapsed / length - 1.0) @ series
            return {n: flat[space.columns[n]].reshape(s) for n, s in space.fields.items()}

        at = prolong(fields, space, [n for n in names if n != problem.time])

        def jet_at(share: Array) -> Jet:
            elapsed = share * length
            return Jet(space, {**dict(at(elapsed)), problem.time: start + elapsed})

        return jet_at

    def _state_at(self, jet_at: Any, share: float) -> Array:
        jet = jet_at(jnp.asarray(share))
        return jnp.concatenate([jnp.ravel(jet[name]) for name in self.entries])

    @cached_property
    def _nodes(self) -> tuple[np.ndarray, np.ndarray]:
        x, weights = np.polynomial.legendre.leggauss(self.degree + 1)
        return 0.5 * (x + 1.0), 0.5 * weights

    @cached_property
    def _measured(self) -> list[dict[str, np.ndarray]]:
        """The measurements of each column by window, padded with weight zero."""
        found, count = [], len(self.edges) - 1
        for i, column in enumerate(self.observations.columns):
            data = self.problem.data[column.data]
            times = np.broadcast_to(data.points[self.problem.time], (data.count,))
            each = data.values[column.name][0].size
            window = np.clip(np.searchsorted(self.edges, times, side="right") - 1, 0, count - 1)
            most = max(int(np.max(np.bincount(window, minlength=count))), 1)
            shares = np.zeros((count, most))
            weights, values = np.zeros((count, most, each)), np.zeros((count, most, each))
            table = np.zeros((data.count, each))
            scale = np.zeros((data.count, each))
            table.ravel()[column.index] = column.values
            scale.ravel()[column.index] = 1.0 / self.noise[i]
            for w in range(count):
                inside = np.flatnonzero(window == w)
                span = self.edges[w + 1] - self.edges[w]
                shares[w, : inside.size] = (times[inside] - self.edges[w]) / span
                values[w, : inside.size], weights[w, : inside.size] = table[inside], scale[inside]
            found.append({"share": shares, "value": values, "weight": weights})
        return found

    def _window_rows(
        self,
        series: Array,
        before: Array,
        after: Array,
        z: Array,
        place: tuple[Array, Array],
        measured: list[Mapping[str, Array]],
        weight: Array,
        sizes: Array,
    ) -> Array:
        known = self.vector.values(z)
        problem, space = self.problem.traced(known), self.problem.closed_space
        residual = problem.dynamics.residual
        start, length = place
        asked, columns = [], self.observations.columns
        for column in columns:
            function = self.problem.data[column.data].function(column.name)
            bound = self.problem.bound_function(function, known)
            asked.append(JetFunction(space, bound, column.name))
        names = {*residual.needs, *self.entries, *(n for f in asked for n in f.needs)}
        jet_at = self._jet_at(series, start, length, tuple(sorted(names)))
        shares, weights = self._nodes
        share = weight * jnp.sqrt(jnp.asarray(weights) * length / self._span)
        equation = jax.vmap(lambda s: residual(jet_at(s)))(jnp.asarray(shares)) / sizes[None]
        rows = [(share[:, None] * equation).ravel()]
        for function, one in zip(asked, measured, strict=True):
            predicted = jax.vmap(lambda s, f=function: jnp.ravel(f(jet_at(s))))(one["share"])
            rows.append((one["weight"] * (predicted - one["value"])).ravel())
        tight = TIGHT * weight / self._state_sizes
        rows.append(tight * (self._state_at(jet_at, 0.0) - before))
        rows.append(tight * (self._state_at(jet_at, 1.0) - after))
        return jnp.concatenate(rows)

    @property
    def _span(self) -> float:
        return float(self.edges[-1] - self.edges[0])

    def _system(self, state: State, weight: Array, sizes: Array) -> tuple[Array, Array]:
        """Return each window's [J_c, J_y, J_y', J_z, r], and the rows of start and prior."""
        edges = jnp.asarray(self.edges)
        places = edges[:-1], jnp.diff(edges)
        measured = [{n: jnp.asarray(v) for n, v in one.items()} for one in self._measured]
        series, states, z = state.series, state.states, state.z

        def block(series: Array, before: Array, after: Array, place: Any, one: Any) -> Array:
            rows = lambda s, b, a, z: self._window_rows(s, b, a, z, place, one, weight, sizes)  # noqa: E731
            value = rows(series, before, after, z)
            slopes = jax.jacfwd(rows, argnums=(0, 1, 2, 3))(series, before, after, z)
            flat = [slope.reshape(value.size, -1) for slope in slopes]
            return jnp.concatenate([*flat, value[:, None]], axis=1)

        blocks = jax.vmap(block)(series, states[:-1], states[1:], places, measured)
        start = lambda y, z: self._beginning(y, z, weight)  # noqa: E731
        value = start(states[0], z)
        slopes = jax.jacfwd(start, argnums=(0, 1))(states[0], z)
        return blocks, jnp.concatenate([*slopes, value[:, None]], axis=1)

    def _beginning(self, state: Array, z: Array, weight: Array) -> Array:
        """Return the rows of the initial data that are known, of the prior and of the guess."""
        problem = self.problem.traced(self.vector.values(z))
        free = {part.name for part in self.vector.parts}
        given = [
            jnp.full(jnp.size(problem.initial_state[n]), 0.0 if n in free else 1.0)
            for n in self.entries
        ]
        start = jnp.concatenate([jnp.ravel(problem.initial_state[n]) for n in self.entries])
        known = TIGHT * weight / self._state_sizes * jnp.concatenate(given) * (state - start)
        scales = {p.name: jnp.ones(()) for p in self.vector.parts if p.series is not None}
        near = 1e-6 * (z - self.vector.start)
        return jnp.concatenate([known, self.vector.prior_rows(z, scales), near])

    def _sizes(self, guess: Guess) -> Array:
        """Return the size of each component of the equation: of its highest derivatives."""
        dynamics = self._guess.dynamics
        names = tuple(dynamics.leading.values())
        columns = []
        for series, start, length in zip(
            guess.series, self.edges[:-1], np.diff(self.edges), strict=True
        ):
            jet_at = self._jet_at(jnp.asarray(series), start, length, names)
            jets = jax.vmap(jet_at)(jnp.asarray(self._nodes[0]))
            columns.append(
                np.concatenate([np.asarray(jets[n]).reshape(len(jets[n]), -1) for n in names], 1)
            )
        size = np.sqrt(np.mean(np.concatenate(columns) ** 2, axis=0))
        floor = 1e-3 * (np.max(size) or 1.0)
        size = np.maximum(size, floor)
        if size.size != dynamics.residual.size:
            size = np.full(dynamics.residual.size, np.max(size))
        return jnp.asarray(size)

    @cached_property
    def _state_sizes(self) -> Array:
        """The size of each number of the state: that of the data, or of the guess."""
        sizes, space = [], self.problem.closed_space
        for name in self.entries:
            entry = space.parse(name)
            values = [np.std(c.values) for c in self.observations.columns if c.name == entry.field]
            start = np.max(np.abs(np.asarray(self._guess.initial_state[name])), initial=0.0)
            size = float(max([start, *values])) or 1.0
            sizes.append(np.full(int(np.prod(space.shape(name))), size))
        return jnp.asarray(np.concatenate(sizes))

    def _states(self, guess: Guess) -> np.ndarray:
        """Return the state at every edge, as the windows have it."""
        found = []
        for w, (start, end) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
            at = self._jet_at(jnp.asarray(guess.series[w]), start, end - start, self.entries)
            found.append(np.asarray(self._state_at(at, 0.0)))
        found.append(np.asarray(self._state_at(at, 1.0)))
        return np.stack(found)
