"""A field over time and space that knows its jets and charges: solvers and references alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike

from pinn.errors import PrecisionWarning, ProblemError, warn
from pinn.jets import Jet, JetFunction, on_jets
from pinn.noether.charge import Charge, evaluate
from pinn.noether.totals import outflow, through, total
from pinn.noether.verify import verified_charges
from pinn.precision import Precision, arithmetic, concretely, single
from pinn.problem.axes import Interval
from pinn.problem.domain import defined, inside, wrapped
from pinn.problem.problem import Problem
from pinn.spectral import Quadrature

JetAt = Callable[..., Jet]
POINTS = (64, 4096)
TOGETHER = (8,)


class Trajectory:
    """Evaluates fields, jets and charges of anything that knows its jet at one point.

    Concrete points are evaluated in the trajectory's own precision, whatever JAX is set to, and
    come back as NumPy arrays where JAX's own arithmetic would round them; inside a transformation
    such as `jax.jit` the caller's precision rules.

    Outside the intervals that the problem is stated over, and after the time that it is known up
    to, values are NaN unless `extrapolate` asks for numbers; periodic coordinates are wrapped.

    Args:
        problem: whose fields these are.
        plan: from a tuple of entries to the function (state, *point) ↦ jet at one point, one scalar
            a coordinate in the axes' order.
        state: the arrays that the function reads.
        precision: the arithmetic for concrete points.
        joints: the times at which its pieces join.
        grid: the quadrature over space that charges are integrated with; none in mechanics.
        together: how many jets are computed at once, a few rising numbers.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Callable[[tuple[str, ...]], JetAt],
        state: Any,
        precision: Precision,
        joints: ArrayLike | tuple[float, ...] = (),
        grid: Quadrature | None = None,
        together: tuple[int, ...] = POINTS,
    ):
        self.problem, self._plan, self._grid, self._together = problem, plan, grid, together
        self._state, self._precision = state, precision
        self.joints = np.asarray(joints, dtype=float)
        self._axes, self._bounded = dict(problem.axes), True
        self._compiled = lru_cache(maxsize=None)(self._compile)

    def along(
        self, state: Any, joints: ArrayLike | tuple[float, ...] = (), end: float | None = None
    ) -> "Trajectory":
        """Return the trajectory of another state, which shares what is compiled for this one.

        Args:
            state: the arrays that the function reads.
            joints: the times at which its pieces join.
            end: the time up to which it is known, where that is not the interval's end.
        """
        other = copy(self)
        other._state, other.joints = state, np.asarray(joints, dtype=float)
        if end is not None:
            interval = self.problem.interval
            other._axes = {**self._axes, self.problem.time: Interval(interval.lower, end)}
        return other

    @property
    def extrapolated(self) -> "Trajectory":
        """The same, with numbers outside the domain too, whatever they are worth there."""
        other = copy(self)
        other._bounded = False
        return other

    def on(self, grid: Quadrature) -> "Trajectory":
        """Return the same trajectory, its charges integrated by another quadrature over space."""
        other = copy(self)
        other._grid = grid
        other._compiled = lru_cache(maxsize=None)(other._compile)
        return other

    @property
    def _charges(self) -> Mapping[str, Charge]:
        with concretely():
            return verified_charges(self.problem)

    def fields(self, *coordinates: ArrayLike, extrapolate: bool = False) -> dict[str, Array]:
        """Return the fields at points, each of the coordinates' common shape and the field's."""
        names = tuple(self.problem.fields)
        jet = self.jet(*coordinates, entries=names, extrapolate=extrapolate)
        return {name: jet[name] for name in self.problem.fields}

    def jet(
        self,
        *coordinates: Any,
        entries: str | Iterable[str] | None = None,
        extrapolate: bool = False,
    ) -> Jet:
        """Return the jet at points, with the entries asked for, by keyword or as the last word."""
        if entries is None:
            coordinates, entries = coordinates[:-1], coordinates[-1]
        space = self.problem.space
        wanted = (entries,) if isinstance(entries, str) else tuple(entries)
        names = tuple(sorted({space.canonical(name) for name in wanted}))
        if len(coordinates) != len(space.coordinates):
            raise ProblemError(
                f"The problem {self.problem.name!r} has the coordinates "
                f"{', '.join(space.coordinates)}, got {len(coordinates)}: give one array for each, "
                "in this order."
            )
        chosen = self.extrapolated if extrapolate else self
        return chosen._evaluate(coordinates, ("jet", *names))

    def evaluate(
        self, function: Callable[[Jet], Any], *coordinates: ArrayLike, extrapolate: bool = False
    ) -> Any:
        """Return a function of the jet at points, whatever derivatives it reads."""
        space = self.problem.space
        asked = on_jets(space, function)
        entries = (*asked.needs, *space.coordinates)
        jets = self.jet(*coordinates, entries=entries, extrapolate=extrapolate)
        shape = jnp.shape(jets[space.coordinates[0]])
        flat = {name: jnp.reshape(v, (-1, *space.shape(name))) for name, v in jets.items()}
        at = [flat[c] for c in space.coordinates]

        def value() -> Any:
            found = jax.vmap(asked)(Jet(space, flat))
            if extrapolate:
                return found
            return self._defined(space.coordinates, (at, coordinates), found)

        if any(isinstance(c, Tracer) for c in coordinates):
            values = value()
        else:
            with arithmetic(self._precision):
                values = _unrounded(value())
        return jax.tree.map(lambda v: v.reshape(shape + v.shape[1:]), values)

    def charges(self, *t: ArrayLike, extrapolate: bool = False) -> dict[str, Array]:
        """Return every charge at the times t; over space, integrated over it.

        A stationary problem takes no time: its laws are what leaves through the whole boundary less
        what the source gives, which vanishes on a solution.
        """
        if len(t) != (0 if self.problem.stationary else 1):
            takes = "no time" if self.problem.stationary else "one array of times"
            raise ProblemError(f"Charges of {self.problem.name!r} take {takes}, got {len(t)}.")
        chosen = self.extrapolated if extrapolate else self
        return chosen._evaluate(t, ("charges",)) if self._charges else {}

    def flows(self) -> dict[str, Array]:
        """Return ∮ |flux| + ∫ |source| of each law of a stationary problem, what it balances."""
        return self._evaluate((), ("flows",)) if self._charges else {}

    def sources(self, t: ArrayLike) -> dict[str, Array]:
        """Return, at a list of times, the rate of change of each charge that is not conserved."""
        changing = any(not charge.conserved for charge in self._charges.values())
        return self._evaluate((np.ravel(t),), ("sources",)) if changing else {}

    def _function(self, kind: str, *names: str) -> Callable[..., Any]:
        if kind == "jet":
            return self._plan(names)
        return {"charges": self._totals, "sources": self._rates, "flows": self._sizes}[kind]

    def _reads(self, kind: str, *names: str) -> tuple[str, ...]:
        """Return the entries of the jet that a request reads."""
        charges, found = self._charges.values(), {*names}
        if kind == "charges" and not self.problem.stationary:
            found |= {n for c in charges for n in c.density.needs}
        elif kind in ("charges", "flows"):
            found |= {n for c in charges for n in (*c.needs, *_flux_needs(c, None))}
        elif kind == "sources":
            found |= {n for c in charges if not c.conserved for n in _rate_needs(c)}
        return tuple(sorted(found))

    def _totals(self, state: Any, *t: Array) -> dict[str, Array]:
        charges, jet_at = self._charges, self._at_time(state, t, "charges")
        if self._grid is None:
            return evaluate(charges, jet_at())
        if self.problem.stationary:
            return self._imbalances(jet_at)
        return total(self._grid, partial(evaluate, charges), jet_at)

    def _imbalances(self, jet_at: JetAt) -> dict[str, Array]:
        grid, found = self._grid, {}
        assert grid is not None
        for name, charge in self._charges.items():
            walls = [(c, end) for c in charge.flux for end in (0, 1)]
            found[name] = outflow(charge, grid, jet_at, walls)
            if charge.source is not None:
                found[name] = found[name] - total(grid, charge.source, jet_at)
        return found

    def _sizes(self, state: Any) -> dict[str, Array]:
        jet_at, grid, found = self._at_time(state, (), "flows"), self._grid, {}
        assert grid is not None
        for name, charge in self._charges.items():
            found[name] = jnp.zeros(charge.density.shape)
            for axis, flux in charge.flux.items():
                for end in (0, 1):
                    basis = grid.bases[grid.coordinates.index(axis)]
                    face, bounds = (axis, end), (basis.lower, basis.upper)
                    found[name] = found[name] + through(grid, _size_of(flux), face, bounds, jet_at)
            if charge.source is not None:
                found[name] = found[name] + total(grid, _size_of(charge.source), jet_at)
        return found

    def _rates(self, state: Any, t: Array) -> dict[str, Array]:
        changing = {n: c for n, c in self._charges.items() if not c.conserved}
        return rates(changing, self._grid, self._at_time(state, (t,), "sources"))

    def _at_time(self, state: Any, t: tuple[Array, ...], kind: str) -> JetAt:
        """Return the jet as a function of the space coordinates at one time."""
        problem, jet_at = self.problem, self._plan(self._reads(kind))
        if not problem.extent:
            return lambda: jet_at(state, *t)
        if problem.stationary:
            return lambda *point: jet_at(state, *point)
        index = problem.space.coordinates.index(problem.time)
        return lambda *point: jet_at(state, *point[:index], *t, *point[index:])

    def _compile(self, request: tuple[str, ...], dimensions: int) -> Callable[..., Any]:
        function = self._function(*request)
        each = jax.vmap(function, in_axes=(None, *[0] * dimensions)) if dimensions else function
        return jax.jit(each)

    def _sizes_of_chunks(self, request: tuple[str, ...]) -> tuple[int, ...]:
        """Return how many points are evaluated at once: few where each reads a whole grid."""
        return self._together if request[0] == "jet" or self._grid is None else TOGETHER

    def _at_points(self, request: tuple[str, ...], state: Any, *points: Array) -> Any:
        """Evaluate at many points inside a transformation, in batches."""
        function, batch = self._function(*request), self._sizes_of_chunks(request)[-1]
        if not points:
            return function(state)
        if points[0].size <= batch:
            return jax.vmap(function, in_axes=(None, *[0] * len(points)))(state, *points)
        return jax.lax.map(lambda point: function(state, *point), points, batch_size=batch)

    def _at_concrete(self, request: tuple[str, ...], points: tuple[np.ndarray, ...]) -> Any:
        """Evaluate at points that are known now, in this trajectory's precision."""
        compiled = partial(self._compiled(request, len(points)), self._state)
        return in_chunks(compiled, points, self._sizes_of_chunks(request)) if points else compiled()

    def _evaluate(self, coordinates: tuple[ArrayLike, ...], request: tuple[str, ...]) -> Any:
        time = () if self.problem.stationary else (self.problem.time,)
        names = tuple(self._axes) if request[0] == "jet" else time
        axes = [self._axes[name] for name in names]
        self._say_precision(coordinates)
        if any(isinstance(c, Tracer) for c in coordinates):
            state = jax.tree.map(_in_callers_precision, self._state)
            points = jnp.broadcast_arrays(*map(_in_callers_precision, coordinates))
            flat = wrapped(axes, [p.ravel() for p in points])
            values = self._at_points(request, state, *flat)
            values = self._defined(names, (flat, coordinates), values)
            return jax.tree.map(lambda v: v.reshape(points[0].shape + v.shape[1:]), values)
        with concretely(self._precision):
            points = np.broadcast_arrays(*map(_concrete, coordinates))
            flat = wrapped(axes, [p.ravel().astype(self._precision) for p in points])
            values = self._at_concrete(request, flat)
            if points:
                values = self._defined(names, (flat, coordinates), values)
                values = jax.tree.map(lambda v: v.reshape(points[0].shape + v.shape[1:]), values)
        return _unrounded(values)

    def _say_precision(self, coordinates: Sequence[Any]) -> None:
        """Say where fewer digits come back, or go in, than there are."""
        if self._precision != "float64":
            return
        traced = any(isinstance(c, Tracer) for c in coordinates)
        if traced and jnp.result_type(float) != jnp.float64:
            warn(
                "Inside a JAX transformation values come back in the caller's single precision, "
                "about 7 digits of them: call jax.config.update('jax_enable_x64', True) first for "
                "all digits.",
                PrecisionWarning,
            )
        elif not traced and (kind := single(coordinates)):
            warn(
                f"Points are given in {kind}: values come back in double precision, at the rounded "
                "points; give NumPy arrays or plain numbers for all digits.",
                PrecisionWarning,
            )

    def _defined(self, names: tuple[str, ...], points: tuple[Sequence, Sequence], values: Any):
        """Return values at points, as used and as given, NaN outside; coordinates stay."""
        if not self._bounded or not names:
            return values
        within = inside([self._axes[name] for name in names], *points)
        if isinstance(within, np.ndarray) and np.all(within):
            return values
        if not isinstance(values, Jet):
            return jax.tree.map(lambda v: defined(v, within), values)
        known = {n: v if n in names else defined(v, within) for n, v in values.items()}
        return Jet(self.problem.space, known)


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


def in_chunks(function: Callable[..., Any], arrays: Any, sizes: tuple[int, ...]) -> Any:
    """Return a compiled function of many points, computed so many at once.

    A function is compiled for every shape: the points are cut, and the last one repeated, so that
    there are only a few.

    Args:
        function: of a number of points, one array of `arrays` an argument, to a tree of arrays with
            one entry for each point.
        arrays: the points, one tree of arrays an argument, all of one length.
        sizes: numbers of points, rising; the first that holds all is taken, else the last.
    """
    count = len(jax.tree.leaves(arrays)[0])
    if not count:
        return function(*arrays)
    size = next((s for s in sizes if s >= count), sizes[-1])
    pieces = []
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        pieces.append(function(*jax.tree.map(lambda a, at=places: a[at], arrays)))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[:count], *pieces)


def _size_of(function: JetFunction) -> JetFunction:
    return JetFunction(function.space, lambda jet: jnp.abs(function(jet)), function.name)


def _flux_needs(charge: Charge, axes: Iterable[str] | None) -> set[str]:
    wanted = charge.flux if axes is None else axes
    return {name for axis in wanted for name in charge.flux[axis].needs}


def _rate_needs(charge: Charge) -> set[str]:
    source = charge.source.needs if charge.source is not None else ()
    return {*source, *_flux_needs(charge, {axis for axis, _ in charge.leaks})}


def _unrounded(values: Any) -> Any:
    """Return double-precision values as NumPy arrays where JAX computes in single precision."""
    if jnp.result_type(float) == jnp.float64:
        return values
    return jax.tree.map(lambda v: v if isinstance(v, Tracer) else np.asarray(v), values)


def _concrete(t: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(t, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"Points must be numbers or arrays, got {t!r}.") from error


def _in_callers_precision(leaf: Any) -> Array:
    """Return real numbers in JAX's present default precision, integers as floats where a time."""
    if isinstance(leaf, Tracer) and jnp.issubdtype(leaf.dtype, jnp.integer):
        return leaf.astype(jnp.result_type(float))
    return jnp.asarray(leaf, jnp.result_type(float))
