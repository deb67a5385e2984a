"""The search for the states at the joints, and the march or the error that it ends with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.problem.ends import (
    PERIOD,
    REST,
    ROUNDING,
    Ends,
    at_rest,
    check_repeats,
    fixed,
    rounded,
    undetermined,
    unsolved,
)
from pinn.problem.guess import first_guess
from pinn.problem.problem import Problem
from pinn.training.joint import JointSystem
from pinn.training.joints import SINGULAR, Joints, TrainedWindow
from pinn.training.march import March, Record, named_leaves
from pinn.training.parts import AbstractMachinery, Front
from pinn.training.windows import Joint

FIRST, LARGEST = 1e-8, 1e8
# The span may change by so much in a step.
STRETCH = 2.0


@dataclass(frozen=True, eq=False)
class Point:
    """Where the search stands: the joints, the windows trained from them, and what they miss."""

    joints: Joints
    windows: list[TrainedWindow]
    sizes: np.ndarray
    missed: np.ndarray

    @property
    def miss(self) -> float:
        """The largest gap or demand that is missed, in units of the state."""
        return float(np.max(np.abs(self.missed), initial=0.0))

    @property
    def norm(self) -> float:
        """The Euclidean norm of all that is missed, infinite where it is not finite."""
        return norm_of(self.missed, self.windows)

    @property
    def residual(self) -> float:
        """The largest residual of any window."""
        return max(w.residual for w in self.windows)


@dataclass(frozen=True, eq=False)
class Search:
    """The global solve of one problem.

    Args:
        problem: as it was stated, open where conditions in time are to fix it.
        parts: the machinery of the problem with first guesses in place of its unknowns.
        look: called between two steps with where the search stands; it may raise.
    """

    problem: Problem
    parts: AbstractMachinery
    look: Callable[[Point], None]

    @property
    def rule(self) -> Joint:
        """How time is cut."""
        rule = self.parts.recipe.windows
        assert isinstance(rule, Joint)
        return rule

    @property
    def open(self) -> bool:
        """Whether conditions in time are to fix initial data or the length of time."""
        return bool(self.problem.unknown_names)

    @property
    def free(self) -> bool:
        """Whether the length of time is unknown."""
        return PERIOD in self.problem.unknowns

    @cached_property
    def system(self) -> JointSystem:
        """The coupled rows."""
        least = 0.0
        if self.open:  # an orbit that shrinks to a point is at rest, whatever its relative size
            guess = first_guess(self.problem, self.parts.problem.dynamics)
            states = [guess(share) for share in np.linspace(0.0, 1.0, self.rule.count + 1)]
            least = REST * max(np.max(np.abs(v), initial=0.0) for s in states for v in s.values())
        return JointSystem(self.parts, self._demands, self.free, least)

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        """The initial data that are given."""
        if not self.open:
            return dict(self.system.first.state)
        return {n: jnp.asarray(v, float) for n, v in fixed(self.problem).items()}

    def _demands(self, start: Mapping[str, Array], end: Mapping[str, Array], z: Array) -> Array:
        found = [jnp.ravel(start[n] - value) for n, value in self._fixed.items()]
        if self.open:
            span = self.parts.span
            last = span.lower + z[0] if self.free else span.upper
            ends = Ends(self.problem, self.parts.problem.dynamics)
            found.append(ends.rows(start, end, (span.lower, last)))
        return jnp.concatenate(found)

    def begun(self, seed: int) -> Point:
        """Return where the search starts: from the first guess of the states, or forward."""
        span, problem = self.parts.span, self.problem
        stops = np.array([span.lower, *span.breakpoints, span.upper])
        pieces = [
            np.linspace(a, b, max(round(self.rule.count * (b - a) / span.length), 1) + 1)[:-1]
            for a, b in pairwise(stops)
        ]
        shares = np.append((np.concatenate(pieces) - span.lower) / span.length, 1.0)
        fresh = (self.parts.fresh(seed),) * (len(shares) - 1)
        shared = np.array([span.length] if self.free else [])
        if not self.open:
            return self.forward(Joints(shares, np.zeros((len(shares), 0)), shared, fresh))
        guess = first_guess(problem, self.parts.problem.dynamics)
        states = np.stack([self.system.flat(guess(share)) for share in shares])
        return self.at(Joints(shares, states, shared, fresh))

    def forward(self, joints: Joints) -> Point:
        """Return the windows by forward substitution.

        Where all of the first state is given, the coupled rows are block triangular.
        """
        states = [self.system.flat(self.system.first.state)]
        windows: list[TrainedWindow] = []
        for w in range(joints.count):
            reached = replace(joints, states=np.stack([*states, *states[-1:]]))
            windows.append(self.system.window(reached, w, windows[-1] if windows else None))
            states.append(windows[-1].end)
        return self._point(replace(joints, states=np.stack(states)), windows)

    def at(self, joints: Joints) -> Point:
        """Return a point of the search with its windows trained."""
        return self._point(joints, self.system.trained(joints))

    def _point(self, joints: Joints, windows: list[TrainedWindow]) -> Point:
        sizes = self.system.sizes(joints, windows)
        missed = self.system.missed(joints, windows, sizes)
        parameters = tuple(jnp.asarray(w.report.parameters) for w in windows)
        return Point(replace(joints, parameters=parameters), windows, sizes, missed)

    def _better(self, point: Point, before: Point) -> bool:
        """Tell whether a point misses less than another, in the units of that one."""
        missed = self.system.missed(point.joints, point.windows, before.sizes)
        return norm_of(missed, point.windows) < before.norm

    def found(self, seed: int) -> Point:
        """Return the solution.

        Raises:
            ProblemError: there is none, or many; or none was found from the first guess.
        """
        point, cuts = self.begun(seed), {}
        if not np.isfinite(point.norm):
            raise ProblemError(
                f"The equation of {self.problem.name!r} has no finite solution from the first "
                "guess of the states in time: give a guess=, a function of time that returns the "
                "fields."
            )
        for _ in range(self.rule.halvings):
            point = self._joined(point, rough=True)
            halved = None if self._missing(point) else self._halved(point, cuts)
            if halved is None:
                break
            point = self.at(halved) if self.open else self.forward(halved)
        point = point if self._missing(point) else self._joined(point, rough=False)
        self._check(point)
        return point

    def _missing(self, point: Point) -> bool:
        """Tell whether more is missed than windows that are too long explain."""
        return point.miss > max(self._accuracy, 10.0 * point.residual)

    def _joined(self, point: Point, rough: bool) -> Point:
        """Return where the windows join and the demands are met.

        Args:
            point: where to begin.
            rough: as well as the windows follow the equation is enough.
        """
        damping = 0.0
        for _ in range(self.rule.iterations):
            self.look(point)
            if point.miss <= (max(ROUNDING, point.residual) if rough else ROUNDING):
                return point
            linear, before = self.system.linear(point.joints, point.windows), point
            if linear.stationary:
                return point
            while damping <= LARGEST:
                point = self.at(self._limited(before.joints, linear.step(before.joints, damping)))
                if self._better(point, before):
                    break
                damping = max(10.0 * damping, FIRST)
            else:
                return before
            damping = 0.1 * damping if damping > 10.0 * FIRST else 0.0
            if before.miss < self._accuracy and not point.norm < 0.5 * before.norm:
                return point
        return point

    def _limited(self, before: Joints, after: Joints) -> Joints:
        """Return joints whose span is not much longer or shorter than before."""
        if not self.free:
            return after
        length, last = after.shared[0], before.shared[0]
        within = min(max(length, last / STRETCH), last * STRETCH)
        return replace(after, shared=np.array([within, *after.shared[1:]]))

    @property
    def _accuracy(self) -> float:
        return self.rule.accuracy(self.parts.recipe.precision)

    def _halved(
        self, point: Point, cuts: dict[tuple[float, float], tuple[float, float]]
    ) -> Joints | None:
        """Return joints with every window cut that misses the tolerance; None if none does.

        A window is not cut where the two cuts that made it did not help.
        """
        joints, target = point.joints, self.rule.target(self.parts.recipe.precision)
        shares, states, parameters, any_cut = [0.0], [joints.states[0]], [], False
        for w, window in enumerate(point.windows):
            ends = float(joints.shares[w]), float(joints.shares[w + 1])
            before = cuts.get(ends, (np.inf, np.inf))
            if target < window.residual < 0.5 * before[1] or not np.isfinite(window.residual):
                middle = 0.5 * (ends[0] + ends[1])
                shares.append(middle)
                states.append(self.system.inside(window, 0.5))
                parameters.append(self.system.first.parameters)
                cuts[ends[0], middle] = cuts[middle, ends[1]] = window.residual, before[0]
                any_cut = True
            shares.append(ends[1])
            states.append(joints.states[w + 1])
            parameters.append(
                joints.parameters[w] if shares[-2] == ends[0] else self.system.first.parameters
            )
        if not any_cut:
            return None
        return Joints(np.array(shares), np.stack(states), joints.shared, tuple(parameters))

    def _check(self, point: Point) -> None:
        """Refuse a solution that is none, or one of many.

        Raises:
            ProblemError: what is wrong, and what to do.
        """
        if not self.open:
            return
        met = point.miss <= self._accuracy
        linear = self.system.linear(point.joints, point.windows)
        unique = linear.smallest > SINGULAR
        if met and (rest := at_rest(self.problem, point.joints.states, point.sizes)):
            raise rest
        if not met:
            raise unsolved(self.problem, point.miss, unique)
        if not unique:
            raise undetermined(self.problem, linear.smallest)
        at = lambda share: self.system.at(point.joints, point.windows, share) / point.sizes  # noqa: E731
        check_repeats(self.problem, at, float(point.joints.shared[0]) if self.free else 0.0)

    def values(self, point: Point) -> dict[str, Any]:
        """Return what the unknowns of the problem are."""
        state = self.system.unravel(jnp.asarray(rounded(point.joints.states[0], point.sizes)))
        found = {n: np.asarray(state[n]) for n in self.problem.unknown_names if n in state}
        return found | ({PERIOD: float(point.joints.shared[0])} if self.free else {})

    def march(self, point: Point, seed: int) -> March:
        """Return the trained windows as a march that has come to its end."""
        times = self.system.times(point.joints)
        last = point.windows[-1]
        front = Front(
            jnp.asarray(times[-1], self.parts.dtype),
            self.system.unravel(jnp.asarray(point.joints.states[-1])),
            {n: jnp.asarray(v) for n, v in last.report.gained.items()},
            jnp.asarray(last.report.parameters),
            last.front.grading,
        )
        records = tuple(
            Record(
                float(times[w + 1]),
                float(times[w + 1] - times[w]),
                float(window.report.loss),
                window.residual,
                float(window.report.drift),
                int(window.loop.taken),
                1,
            )
            for w, window in enumerate(point.windows)
        )
        return March(
            front,
            float(times[-1] - times[-2]),
            seed,
            tuple(jax.tree.map(np.asarray, w.stage.window) for w in point.windows),
            tuple(np.asarray(w.report.parameters) for w in point.windows),
            records,
            final={n: np.asarray(leaf) for n, leaf in named_leaves(last.loop).items()},
        )


def norm_of(missed: np.ndarray, windows: list[TrainedWindow]) -> float:
    """Return the Euclidean norm of what is missed, infinite where anything is not finite."""
    found = float(np.linalg.norm(missed))
    trained = all(np.isfinite(w.residual) for w in windows)
    return found if np.isfinite(found) and trained else np.inf
