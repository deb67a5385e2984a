"""Predictions of a problem over space by marching, with their derivatives by the implicit rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree
from threadpoolctl import threadpool_limits

from pinn.errors import ProblemError, TrainingError
from pinn.estimation.model import AbstractModel, Predictions
from pinn.estimation.observations import Request
from pinn.jets import JetFunction
from pinn.networks.ansatz import marching_box, sampled
from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.training.fields import Fields
from pinn.training.linear_solve import LeastSquares
from pinn.training.loop import begin
from pinn.training.march import March, begin_march, complete, go_on
from pinn.training.parts import Front, compiler_options

# Windows are padded to a multiple of this, so that one program serves marches of many lengths.
PADDED = 8
ACCURACY = 1e-9


@dataclass(frozen=True, eq=False)
class Path:
    """A march and how it moves with the unknowns.

    Args:
        state: the windows and parameters, padded by windows that nothing reaches.
        moves: by unknown, the derivative of each.
        march: the march itself.
    """

    state: MarchingState
    moves: MarchingState
    march: March


@dataclass(frozen=True, eq=False)
class Marching(AbstractModel):
    """What marching predicts at points, and the derivatives by the unknowns.

    In each window the rows vanish to first order in the weights, r(c; y, z) ≈ 0 with y the state at
    its start, so that dc/dz = −J_c⁺ (∂r/∂z + ∂r/∂y dy/dz), and the next window's start moves by
    ∂y'/∂c dc/dz + ∂y'/∂y dy/dz + ∂y'/∂z: a march carries its own derivatives along.

    Args:
        vector: the unknowns.
        observations: what was measured.
        parts: of the march at a guess of them, without conservation rows.
    """

    parts: Fields
    _programs: dict[Any, Any] = field(default_factory=dict, repr=False)
    _paths: dict[bytes, Path] = field(default_factory=dict, repr=False)

    def path(self, z: Float[np.ndarray, " size"]) -> Path:
        """March with some unknowns, and find how the march moves with them.

        Raises:
            TrainingError: training stalled.
        """
        at = jnp.asarray(z)
        parts = self._given(at)
        march, fronts = begin_march(parts, 0), []
        with threadpool_limits(1, "blas"):
            while not complete(parts, march):
                front = march.front
                march = go_on(parts, march)
                fronts += [front] * (len(march.windows) > len(fronts))
                if march.stuck:
                    raise TrainingError(
                        f"Training stalled at {march.reached:.6g} with the unknowns "
                        f"{self._shown(at)}."
                    )
        fronts.append(march.front)
        return self._moving(at, march, fronts)

    def kept(self, z: Float[np.ndarray, " size"]) -> Path:
        """Return the march with some unknowns; the last one is kept.

        Raises:
            TrainingError: training stalled.
        """
        key = np.asarray(z).tobytes()
        if key not in self._paths:
            path = self.path(z)
            self._paths.clear()
            self._paths[key] = path
        return self._paths[key]

    def predictions(
        self, z: Float[np.ndarray, " size"], requests: Sequence[Request]
    ) -> Predictions:
        """Return the values of every function, and their derivatives; NaN where training stalls."""
        try:
            path = self.kept(z)
        except TrainingError:
            path = None
        values, slopes = [], []
        for request in requests:
            points = [jnp.asarray(p) for p in request.points]
            for function in request.functions:
                read = self._program("read", function)
                if path is None:
                    shape = (len(points[0]), *self._shape(function))
                    values.append(np.full(shape, np.nan))
                    slopes.append(np.full((*shape, z.size), np.nan))
                    continue
                value, slope = read(jnp.asarray(z), path.state, path.moves, points)
                values.append(np.asarray(value))
                slopes.append(np.moveaxis(np.asarray(slope), 0, -1))
        return values, slopes

    @property
    def accuracy(self) -> float:
        """What a converged march is about as accurate as."""
        return ACCURACY

    def traced(self, z: Array) -> list[Array]:
        """Refuse, since a march looks at numbers."""
        raise ProblemError(
            "Over space predictions come from a march, which JAX does not transform: draw from "
            "posterior.sample, or look at posterior.profile."
        )

    def _shape(self, function: Any) -> tuple[int, ...]:
        problem = self.vector.problem
        known = self.vector.values(jnp.asarray(self.vector.start))
        return JetFunction(problem.closed_space, problem.bound_function(function, known)).shape

    def _shown(self, z: Array) -> str:
        flat = np.asarray(self.vector.flat(z))
        pairs = zip(self.vector.names, flat, strict=True)
        return ", ".join(f"{n} = {x:.6g}" for n, x in pairs)

    def _at(self, z: Float[Array, " size"]) -> Fields:
        return self.parts.of(self.vector.problem.traced(self.vector.values(z)))

    def _given(self, z: Float[Array, " size"]) -> Fields:
        """Return the parts with some unknowns, whose programs are compiled for all of them."""
        parts = self._at(z)
        compiled = {name: partial(program, z) for name, program in self._compiled.items()}
        vars(parts)["compiled"] = compiled
        return parts

    @cached_property
    def _compiled(self) -> dict[str, Any]:
        recipe = self.parts.recipe

        def first(z, front, length):
            stage = self._at(z).open(front, length)
            return stage, begin(recipe.step, front.parameters, 0)

        def close(z, stage, known, loop, gained):
            return self._at(z).close(stage, known, loop, gained)

        programs = {
            "first": first,
            "prepare": lambda z, stage: self._at(z).prepare(stage),
            "train": lambda z, *given: self._at(z).train(*given),
            "close": close,
        }
        return {name: _program(program) for name, program in programs.items()}

    def _program(self, kind: str, function: Any = None) -> Any:
        if (kind, function) not in self._programs:
            made = {"read": lambda: self._read(function), "move": lambda: self._move}[kind]()
            self._programs[kind, function] = _program(made)
        return self._programs[kind, function]

    def _moving(self, z: Array, march: March, fronts: list[Front]) -> Path:
        """Return the march with its derivatives by each unknown."""
        windows, kernels, every = [], [], []
        moved = self._started(z, fronts[0])
        for window, parameters, before, after in zip(
            march.windows, march.parameters, fronts[:-1], fronts[1:], strict=True
        ):
            given = jnp.asarray(window.length), jnp.asarray(parameters), after.grading
            window_move, kernel_move, moved = self._program("move")(z, before, moved, *given)
            windows.append(window)
            kernels.append(self.parts.unravel(jnp.asarray(parameters)))
            every.append((window_move, kernel_move))
        return Path(_padded(windows, kernels), _padded_moves(every), march)

    def _started(self, z: Array, front: Front) -> PyTree[Array]:
        """Return how the state at the very beginning moves with each unknown."""

        def state(z: Array) -> PyTree[Array]:
            begin = self._at(z).problem.initial_state
            return {name: self._sampled(name, f, front.grading) for name, f in begin.items()}

        return jax.jit(lambda z: _by_direction(jax.jacfwd(state)(z)))(z)

    def _sampled(self, entry: str, function: Any, grading: Any) -> Array:
        parts = self.parts
        field_of = parts.problem.space.parse(entry).field
        return sampled(parts.ansatz, field_of, function, grading, parts.dtype)

    def _move(
        self,
        z: Array,
        front: Front,
        moved: PyTree[Array],
        length: Array,
        parameters: Array,
        grading: Any,
    ) -> tuple[Window, PyTree[Array], PyTree[Array]]:
        """Return how a window, its parameters and the state at its end move with each unknown."""

        def rows(z: Array, state: PyTree[Array], parameters: Array) -> Array:
            parts = self._at(z)
            stage = parts.open(replace(front, state=state), length)
            return parts.objective(stage, parts.prepare(stage)).rows(parameters)

        def end(z: Array, state: PyTree[Array], parameters: Array) -> tuple[Window, PyTree[Array]]:
            parts = self._at(z)
            window = parts.open(replace(front, state=state), length).window
            entries = parts.problem.dynamics.state_entries if not parts.problem.stationary else ()
            jet_at = parts.at_time(window, parameters, entries)
            at_end = {n: lambda *x, n=n: jet_at(window.length, *x)[n] for n in entries}
            return window, {n: self._sampled(n, f, grading) for n, f in at_end.items()}

        parts = self._at(z)
        stage = parts.open(front, length)
        _, jacobian = parts.objective(stage, parts.prepare(stage)).linearise(parameters)
        solve = LeastSquares.of(jacobian)

        def along(direction: Array, state: PyTree[Array]) -> Any:
            still = jnp.zeros_like(parameters)
            given = (z, front.state, parameters)
            slope = jax.jvp(rows, given, (direction, state, still))[1]
            move = -solve(slope)
            window, after = jax.jvp(end, given, (direction, state, move))[1]
            return window, self.parts.unravel(move), after

        return jax.vmap(along)(jnp.eye(z.size, dtype=z.dtype), moved)

    def _read(self, function: Any) -> Any:
        """Return the program that evaluates a function of the jet, and how it moves."""
        space = self.parts.problem.space

        def values(z: Array, state: MarchingState, points: list[Array]) -> Array:
            parts = self._at(z)
            known = self.vector.values(z)
            bound = JetFunction(space, self.vector.problem.bound_function(function, known))
            jet_at = marching_box(parts.ansatz, (*bound.needs, *space.coordinates))
            return jax.vmap(lambda *point: bound(jet_at(state, *point)))(*points)

        def read(z: Array, state: MarchingState, moves: MarchingState, points: list[Array]):
            def along(direction: Array, move: MarchingState) -> Array:
                at = lambda z, s: values(z, s, points)  # noqa: E731
                return jax.jvp(at, (z, state), (direction, move))[1]

            return values(z, state, points), jax.vmap(along)(jnp.eye(z.size, dtype=z.dtype), moves)

        return read


def _program(function: Any) -> Any:
    return jax.jit(function, compiler_options=compiler_options())


def _by_direction(jacobian: PyTree[Array]) -> PyTree[Array]:
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), jacobian)


def _more(count: int) -> int:
    return -count % PADDED


def _padded(windows: list[Window], kernels: list[PyTree[Array]]) -> MarchingState:
    """Return windows stacked, the last one repeated at a time that nothing reaches."""
    rest = _more(len(windows))
    never = [replace(windows[-1], start=np.asarray(np.inf))] * rest
    stack = lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves])  # noqa: E731
    stacked = jax.tree.map(stack, *windows, *never)
    return MarchingState(stacked, jax.tree.map(stack, *kernels, *[kernels[-1]] * rest))


def _padded_moves(moves: list[tuple[Window, PyTree[Array]]]) -> MarchingState:
    """Return moves stacked alike, with the axis over unknowns in front."""
    every = [*moves, *[moves[-1]] * _more(len(moves))]
    stack = lambda *leaves: jnp.stack(leaves, axis=1)  # noqa: E731
    windows = jax.tree.map(stack, *[window for window, _ in every])
    return MarchingState(windows, jax.tree.map(stack, *[kernel for _, kernel in every]))
