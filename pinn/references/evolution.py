"""A problem over space as a system of ordinary differential equations at the points of a box."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import Jet, random_jets
from pinn.references.blocks import Layout, solve_with
from pinn.references.box import Box
from pinn.references.clock import local
from pinn.references.layout import components

Values = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Evolution:
    """dY/ds = rate(s, Y), with Y of shape (components of the state, *points), s = t − lower.

    The jet is filled by spectral derivatives and the equation, affine in the highest time
    derivatives, solved for them: point by point, or over the whole box where they carry space
    derivatives (u_t − u_txx).

    Args:
        box: the points.

    Raises:
        ProblemError: a field has no evolution equation.
    """

    box: Box

    def __post_init__(self):
        for field, order in self.dynamics.orders.items():
            if order < 1:
                raise ProblemError(
                    f"The equation contains no time derivative of the field {field!r}, which is "
                    "then a constraint: the method of lines needs an evolution equation for "
                    "every field; eliminate it or give exact=."
                )

    @property
    def dynamics(self):
        """The equation of motion."""
        return self.box.problem.dynamics

    @cached_property
    def layout(self) -> Layout:
        """How the state falls into Fourier modes."""
        return Layout.of(self.box)

    @cached_property
    def slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """The components of each state entry, and its shape."""
        return dict(components(self.dynamics.state_entries, self.dynamics.space))

    @cached_property
    def start(self) -> Float[Array, "components *points"]:
        """The initial state at the points."""
        values = {n: self.box.sampled(f) for n, f in self.box.problem.initial_state.items()}
        return jnp.concatenate([self._packed(values[n]) for n in self.slices])

    def _packed(self, values: Array) -> Array:
        shape = self.box.shape
        return jnp.moveaxis(values.reshape((*shape, -1)), -1, 0)

    def _unpacked(self, values: Array, shape: tuple[int, ...]) -> Array:
        return jnp.moveaxis(values, 0, -1).reshape(self.box.shape + shape)

    def _series(self, t: Array, state: Array) -> Values:
        """Return each state entry as a lifted field at the time t."""
        return {
            name: self._lift(name, self._unpacked(state[part], shape), t)
            for name, (part, shape) in self.slices.items()
        }

    def coefficients(
        self, elapsed: Float[Array, ""], state: Array
    ) -> Float[Array, "components *modes"]:
        """Return the series of the state over the box's grid, some time after the start."""
        return local(self.box.problem.interval, self._coefficients)(elapsed, state)

    def _coefficients(self, t: Array, state: Array) -> Array:
        shape = self.box.grid.shape
        return jnp.concatenate(
            [
                jnp.moveaxis(self.box.coefficients(s).reshape((*shape, -1)), -1, 0)
                for s in self._series(t, state).values()
            ]
        )

    def _split(self, name: str) -> tuple[str, int, tuple[int, ...]]:
        """Return an entry's field, its order in time and its orders in space."""
        space, time = self.dynamics.space, self.dynamics.time
        entry, index = space.parse(name), space.coordinates.index(time)
        orders = entry.orders
        return entry.field, orders[index], orders[:index] + orders[index + 1 :]

    def _lift(self, name: str, values: Array, t: Array) -> Array:
        field, order, _ = self._split(name)
        return self.box.lifted(field, values, t, order)

    def rate(self, elapsed: Float[Array, ""], state: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return dY/ds, some time after the start."""
        return local(self.box.problem.interval, self._rate)(elapsed, state)

    def _rate(self, t: Array, state: Array) -> Array:
        space, time = self.dynamics.space, self.dynamics.time
        highest = self._highest(t, self._lower(t, state))
        parts = []
        for name in self.slices:
            above = space.raised(name, time)
            given = above in highest
            parts.append(self._packed(highest[above]) if given else state[self.slices[above][0]])
        return jnp.concatenate(parts)

    def _lower(self, t: Array, state: Array) -> Values:
        """Return everything that the residual needs except the highest time derivatives."""
        series, values = self._series(t, state), {}
        for name in self.dynamics.residual.needs:
            if name in self.dynamics.top:
                continue
            if self.dynamics.space.is_coordinate(name):
                values[name] = jnp.broadcast_to(
                    t if name == self.dynamics.time else jnp.asarray(self.box.mesh[name]),
                    self.box.shape,
                )
                continue
            field, order, orders = self._split(name)
            base = self.dynamics.entry(field, order)
            values[name] = self.box.differentiated(series[base], orders)
        return values

    def _highest(self, t: Array, lower: Values) -> Values:
        flat = jax.tree.map(self._by_point, lower)
        if self.dynamics.pointwise:
            solved = jax.vmap(self._solve)(flat)
            return {n: v.reshape(self.box.shape + v.shape[1:]) for n, v in solved.items()}
        residual = lambda top: self._defect(t, flat, top)  # noqa: E731
        unknowns = jnp.zeros((self.dynamics.residual.size, *self.box.shape))
        for _ in range(2):
            unknowns = unknowns - solve_with(self.layout, self._mass, residual(unknowns))
        return self._named(unknowns)

    def _by_point(self, values: Array) -> Array:
        return values.reshape((prod(self.box.shape), *values.shape[len(self.box.shape) :]))

    def _named(self, unknowns: Array) -> Values:
        values, start = {}, 0
        for name in self.dynamics.highest.values():
            shape = self.dynamics.space.shape(name)
            values[name] = self._unpacked(unknowns[start : start + prod(shape)], shape)
            start += prod(shape)
        return values

    def _defect(self, t: Array, flat: Values, unknowns: Array) -> Array:
        """Return the residual over the box, for given highest time derivatives."""
        series = {n: self._lift(n, v, t) for n, v in self._named(unknowns).items()}
        top = {}
        for name in self.dynamics.top:
            field, order, orders = self._split(name)
            base = self.dynamics.entry(field, order)
            top[name] = self._by_point(self.box.differentiated(series[base], orders))
        rows = jax.vmap(self._residual)({**flat, **top})
        return jnp.moveaxis(rows, -1, 0).reshape((-1, *self.box.shape))

    def _residual(self, values: Values) -> Array:
        return self.dynamics.residual(Jet(self.dynamics.space, values))

    @cached_property
    def _mass(self) -> Array:
        """The inverse of what acts on the highest time derivatives, at the initial state's mean."""
        with jax.ensure_compile_time_eval():
            t = jnp.asarray(self.box.problem.interval.lower)
            flat = jax.tree.map(self._by_point, self._lower(t, self.layout.mean(self.start)))
            zero = jnp.zeros((self.dynamics.residual.size, *self.box.shape))
            act = lambda move: jax.jvp(lambda w: self._defect(t, flat, w), (zero,), (move,))[1]  # noqa: E731
            return jnp.linalg.inv(self.layout.matrices(jax.jit(act), len(zero)))

    def _solve(self, lower: Values) -> Values:
        """Return the highest time derivatives at one point."""
        zero = jnp.zeros(self.dynamics.residual.size)
        rest = self._with_top(lower, zero)
        if self._constant_inverse is not None:
            flat = -(jnp.asarray(self._constant_inverse) @ rest)
        else:
            mass = jax.jacfwd(lambda w: self._with_top(lower, w))(zero)
            flat = -rest / mass[0] if len(rest) == 1 else -jnp.linalg.solve(mass, rest)
        return self._shaped(flat)

    def _shaped(self, flat: Array) -> Values:
        values, start = {}, 0
        for name in self.dynamics.highest.values():
            shape = self.dynamics.space.shape(name)
            values[name] = flat[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        return values

    def _with_top(self, lower: Values, flat: Array) -> Array:
        return self._residual({**lower, **self._shaped(flat)})

    @cached_property
    def _constant_inverse(self) -> np.ndarray | None:
        """The inverse of ∂residual/∂(highest) where it is the same matrix on every jet."""
        with jax.ensure_compile_time_eval():
            needs = [n for n in self.dynamics.residual.needs if n not in self.dynamics.top]
            jets = random_jets(self.dynamics.space, needs, 3, 3)
            zero = jnp.zeros(self.dynamics.residual.size)
            act = lambda jet: jax.jacfwd(lambda w: self._with_top(dict(jet), w))(zero)  # noqa: E731
            masses = np.asarray([act(jax.tree.map(lambda a, i=i: a[i], jets)) for i in range(3)])
        same = np.all(np.isfinite(masses)) and np.ptp(masses, axis=0).max() == 0.0
        return np.linalg.inv(masses[0]) if same else None
