"""Predictions of a problem over space by marching, with their derivatives by the implicit rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree
from threadpoolctl import threadpool_limits

from pinn.errors import ProblemError, TrainingError
from pinn.estimation.model import AbstractModel, Predictions
from pinn.estimation.observations import Request
from pinn.estimation.path import Path, padded, padded_moves
from pinn.jets import JetFunction
from pinn.networks.ansatz import marching_box, sampled
from pinn.networks.bandwidth import bandwidth
from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.training.fields import Fields
from pinn.training.linear_solve import LeastSquares
from pinn.training.loop import begin
from pinn.training.march import March, begin_march, complete, go_on
from pinn.training.parts import Front, compiler_options
from pinn.training.rows import Stage

ACCURACY = 1e-9


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
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def structure(self) -> dict[str, Any]:
        """What was found out about the class of problems, on which the network's shape depends."""
        problem = self.parts.problem
        known = bandwidth(problem) if problem.extent else None
        return {"mirrors": self.parts.ansatz.box.mirrors, "bandwidth": known}

    def path(self, z: Float[np.ndarray, " size"]) -> Path:
        """March with some unknowns.

        Raises:
            TrainingError: training stalled.
        """
        at = jnp.asarray(z)
        parts = self._given(at)
        march, fronts = replace(self._begun, front=self._program("begin")(at)), []
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
        kernels = [self.parts.unravel(jnp.asarray(p)) for p in march.parameters]
        return Path(march, (*fronts, march.front), padded(march.windows, kernels))

    @property
    def _begun(self) -> March:
        """The march before its first window at a guess, which tells that window's length."""
        if "begun" not in self._kept:
            self._kept["begun"] = begin_march(self.parts, 0)
        return self._kept["begun"]

    def values(self, z: Float[np.ndarray, " size"]) -> list[np.ndarray]:
        """Return what every column of the data should be, without derivatives; NaN on a stall."""
        at, found = jnp.asarray(z), []
        try:
            path = self._latest("path", z, lambda: self.path(z))
        except TrainingError:
            return [np.full(column.values.shape, np.nan) for column in self.observations.columns]
        for request in self.observations.requests:
            points = [jnp.asarray(p) for p in request.points]
            for function in request.functions:
                found.append(np.asarray(self._program("value", function)(at, path.state, points)))
        return self.observations.chosen(found)

    def predictions(
        self, z: Float[np.ndarray, " size"], requests: Sequence[Request]
    ) -> Predictions:
        """Return the values of every function, and their derivatives; NaN where training stalls."""
        at = jnp.asarray(z)
        try:
            path = self._latest("path", z, lambda: self.path(z))
            moves = self._latest("moves", z, lambda: self._moving(at, path))
        except TrainingError:
            return self._nothing(z, requests)
        values, slopes = [], []
        for request in requests:
            points = [jnp.asarray(p) for p in request.points]
            for function in request.functions:
                value, slope = self._program("read", function)(at, path.state, moves, points)
                values.append(np.asarray(value))
                slopes.append(np.moveaxis(np.asarray(slope), 0, -1))
        return values, slopes

    def march(self, z: Float[np.ndarray, " size"]) -> March:
        """Return the march with some unknowns."""
        return self._latest("path", z, lambda: self.path(z)).march

    def _latest(self, kind: str, z: np.ndarray, make: Any) -> Any:
        """Return what was found with these unknowns; only the latest is kept."""
        key = np.asarray(z).tobytes()
        if self._kept.get(kind, (None,))[0] != key:
            self._kept[kind] = key, make()
        return self._kept[kind][1]

    def _nothing(self, z: np.ndarray, requests: Sequence[Request]) -> Predictions:
        problem = self.vector.problem
        known, values = self.vector.values(jnp.asarray(self.vector.start)), []
        for request in requests:
            for function in request.functions:
                bound = problem.bound_function(function, known)
                shape = JetFunction(problem.closed_space, bound).shape
                values.append(np.full((len(request.points[0]), *shape), np.nan))
        return values, [np.full((*v.shape, z.size), np.nan) for v in values]

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

    def _shown(self, z: Array) -> str:
        flat = np.asarray(self.vector.flat(z))
        pairs = zip(self.vector.names, flat, strict=True)
        return ", ".join(f"{n} = {x:.6g}" for n, x in pairs)

    def _at(self, z: Float[Array, " size"]) -> Fields:
        return self.parts.of(self.vector.problem.traced(self.vector.values(z)))

    def _given(self, z: Float[Array, " size"]) -> Fields:
        """Return the parts with some unknowns, whose programs are compiled for all of them."""
        parts = self._at(z)
        names = ("first", "prepare", "train", "close")
        compiled = {name: partial(self._program(name), z) for name in names}
        vars(parts)["compiled"] = compiled
        return parts

    def _first(self, z: Array, front: Front, length: Array) -> tuple[Any, Any]:
        stage = self._at(z).open(front, length)
        return stage, begin(self.parts.recipe.step, front.parameters, 0)

    def _program(self, kind: str, function: Any = None) -> Any:
        if (kind, function) not in self._programs:
            made = {
                "begin": lambda: lambda z: self._at(z).first_front(0),
                "first": lambda: self._first,
                "prepare": lambda: lambda z, *given: self._at(z).prepare(*given),
                "train": lambda: lambda z, *given: self._at(z).train(*given),
                "close": lambda: lambda z, *given: self._at(z).close(*given),
                "start": lambda: self._started,
                "move": lambda: self._move,
                "read": lambda: self._read(function),
                "value": lambda: self._value(function),
            }[kind]()
            self._programs[kind, function] = _program(made)
        return self._programs[kind, function]

    def _moving(self, z: Array, path: Path) -> MarchingState:
        """Return how a march moves with each unknown."""
        moved, every = self._program("start")(z, path.fronts[0].grading), []
        for window, parameters, before, after in zip(
            path.march.windows,
            path.march.parameters,
            path.fronts[:-1],
            path.fronts[1:],
            strict=True,
        ):
            given = jnp.asarray(window.length), jnp.asarray(parameters), after.grading
            window_move, kernel_move, moved = self._program("move")(z, before, moved, *given)
            every.append((window_move, kernel_move))
        return padded_moves(every)

    def _started(self, z: Array, grading: Any) -> PyTree[Array]:
        """Return how the state at the very beginning moves with each unknown."""

        def state(z: Array) -> PyTree[Array]:
            begin = self._at(z).problem.initial_state
            return {name: self._sampled(name, f, grading) for name, f in begin.items()}

        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), jax.jacfwd(state)(z))

    def _sampled(self, entry: str, function: Any, grading: Any) -> Array:
        parts = self.parts
        return sampled(parts.ansatz, entry, function, grading, parts.dtype)

    def _move(
        self,
        z: Array,
        front: Front,
        moved: PyTree[Array],
        length: Array,
        parameters: Array,
        grading: Any,
    ) -> tuple[Window, PyTree[Array], PyTree[Array]]:
        """Return how a window, its parameters and the state at its end move with each unknown.

        The window's units stay as they are: parameters are measured in them.
        """
        parts = self._at(z)
        stage = parts.open(front, length)

        def moved_stage(parts: Fields, state: PyTree[Array]) -> Stage:
            moved = parts.open(replace(front, state=state), length)
            window = replace(moved.window, scale=stage.window.scale)
            return replace(moved, window=window, row_scale=stage.row_scale)

        def rows(z: Array, state: PyTree[Array], parameters: Array) -> Array:
            parts = self._at(z)
            stage = moved_stage(parts, state)
            return parts.objective(stage, parts.prepare(stage)).rows(parameters)

        def end(z: Array, state: PyTree[Array], parameters: Array) -> tuple[Window, PyTree[Array]]:
            parts = self._at(z)
            window = moved_stage(parts, state).window
            entries = parts.problem.dynamics.state_entries if not parts.problem.stationary else ()
            jet_at = parts.at_time(window, parameters, entries)
            at_end = {n: lambda *x, n=n: jet_at(window.length, *x)[n] for n in entries}
            return window, {n: self._sampled(n, f, grading) for n, f in at_end.items()}

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

    def _value(self, function: Any) -> Any:
        """Return the program that evaluates a function of the jet at points."""
        space = self.parts.problem.space

        def values(z: Array, state: MarchingState, points: list[Array]) -> Array:
            parts, known = self._at(z), self.vector.values(z)
            bound = JetFunction(space, self.vector.problem.bound_function(function, known))
            jet_at = marching_box(parts.ansatz, (*bound.needs, *space.coordinates))
            return jax.vmap(lambda *point: bound(jet_at(state, *point)))(*points)

        return values

    def _read(self, function: Any) -> Any:
        """Return the same, and how it moves."""
        values = self._value(function)

        def read(z: Array, state: MarchingState, moves: MarchingState, points: list[Array]):
            def along(direction: Array, move: MarchingState) -> Array:
                at = lambda z, s: values(z, s, points)  # noqa: E731
                return jax.jvp(at, (z, state), (direction, move))[1]

            return values(z, state, points), jax.vmap(along)(jnp.eye(z.size, dtype=z.dtype), moves)

        return read


def _program(function: Any) -> Any:
    return jax.jit(function, compiler_options=compiler_options())
