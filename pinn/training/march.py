"""The march through time windows: a value that one pure transition carries forward."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from pinn.errors import RecipeError
from pinn.networks.marching import MarchingState
from pinn.networks.window import Window
from pinn.problem.axes import Interval
from pinn.training.loop import LoopState
from pinn.training.parts import AbstractMachinery, Front, Report
from pinn.training.rows import Stage
from pinn.training.windows import Attempt

# Rules that shorten a window take more than this off it.
STRETCH = 1.15
# A window is at most so many times as long as a pulse in it is wide.
PULSES = 4.0
# A march has left the solution where its residual is above one and grew so often in a row.
GROWING = 3
# No window is tried below this share of the interval; so many accepted ones in a row never arrive.
SHORTEST, CREEPING = 1e-7, 100


@dataclass(frozen=True)
class Record:
    """What an accepted window cost and reached.

    Args:
        end: the time at its end.
        length: its length.
        loss: the final loss.
        residual: the largest dimensionless residual on fresh points.
        drift: the largest relative drift of any charge at its end.
        steps: steps taken, rejected attempts included.
        attempts: how many lengths were tried.
    """

    end: float
    length: float
    loss: float
    residual: float
    drift: float
    steps: int
    attempts: int


@dataclass(frozen=True)
class March:
    """A march under way; saving it and going on gives the numbers of an uninterrupted one.

    Args:
        front: where the next window starts.
        length: the length to try next.
        windows: the accepted windows.
        parameters: their flat parameters.
        records: what they reached.
        attempts: the attempts at the window in hand.
        steps: steps spent on the window in hand.
        stage: the window in hand, if one is open.
        loop: where its training stands.
        seed: the seed of fresh parameters.
        stuck: whether no window length gave a solution.
        known: what of the window in hand does not depend on the parameters; not saved.
        final: the last accepted window's training state by name, to train it further.
    """

    front: Front
    length: float
    seed: int
    windows: tuple[Window, ...] = ()
    parameters: tuple[np.ndarray, ...] = ()
    records: tuple[Record, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    steps: int = 0
    stage: Stage | None = None
    loop: LoopState | None = None
    stuck: bool = False
    known: Any = None
    final: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def reached(self) -> float:
        """The time up to which the march has come."""
        return float(self.front.time)


def begin_march(parts: AbstractMachinery, seed: int) -> March:
    """Return a march before its first window."""
    span, scale = parts.span.length, parts.time_scale()
    return March(parts.first_front(seed), parts.recipe.windows.first(span, scale), seed)


def reopened(parts: AbstractMachinery, march: March) -> March:
    """Return a march whose only window is in training again, from the state that it ended in.

    Raises:
        RecipeError: there are more windows than one, each of which starts where the one before it
            ended, so that training one further would unsettle the rest.
    """
    stage, loop = parts.example()
    names = named_leaves(loop)
    if len(march.windows) != 1 or {*march.final} != {*names}:
        raise RecipeError(
            "Only a solution in one window, windows=pinn.Uniform(1), can take more steps: solve "
            "anew with a larger steps=, or a smaller tolerance."
        )
    start = begin_march(parts, march.seed)
    stage, _ = parts.compiled["first"](start.front, jnp.asarray(start.length, parts.dtype))
    leaves = [jnp.asarray(march.final[name]) for name in names]
    loop = jax.tree.unflatten(jax.tree.structure(loop), leaves)
    return replace(start, stage=stage, loop=loop)


def named_leaves(tree: PyTree[Array]) -> dict[str, Array]:
    """Return the leaves of a tree by names such as `loop/state/damping`, in its order."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def complete(parts: AbstractMachinery, march: March) -> bool:
    """Tell whether the march has come to the end of the interval."""
    return march.reached >= parts.span.upper


def go_on(parts: AbstractMachinery, march: March) -> March:
    """Carry the march one chunk further: open a window, train it for a while, or settle it."""
    compiled = parts.compiled
    stage, loop = march.stage, march.loop
    if stage is None:
        length = _clip(parts.span, march.reached, _reaching(parts, march))
        stage, loop = compiled["first"](march.front, jnp.asarray(length, parts.dtype))
    known = march.known if march.known is not None else compiled["prepare"](stage)
    loop, done = compiled["train"](stage, known, loop)
    march = replace(march, stage=stage, loop=loop, known=known)
    if not done:
        return march
    report = jax.tree.map(np.asarray, compiled["close"](stage, known, loop, march.front.gained))
    window = jax.tree.map(np.asarray, stage.window)
    return _settle(parts, march, window, report, int(loop.taken))


def _settle(
    parts: AbstractMachinery, march: March, window: Window, report: Report, taken: int
) -> March:
    """Accept the trained window, or go back to its start with a shorter length."""
    rule, precision = parts.recipe.windows, parts.recipe.precision
    length = float(window.length)
    share = length / parts.span.length
    attempt = Attempt(length, share, _worst(report), _reachable(parts, march), taken)
    attempts = (*march.attempts, attempt)
    march = replace(march, attempts=attempts, steps=march.steps + attempt.steps)
    shorter = rule.retry(list(attempts), precision)
    if shorter is None and np.isfinite(attempts[-1].residual):
        following = rule.following(list(attempts), precision, _before(parts, march))
        return _accept(parts, march, window, report, following)
    span = parts.span.length
    stuck = shorter is None or shorter < SHORTEST * span
    front = replace(march.front, parameters=parts.fresh(march.seed))
    march = replace(march, front=front, length=shorter or length, stuck=stuck)
    return replace(march, stage=None, loop=None, known=None)


def _before(parts: AbstractMachinery, march: March) -> Attempt | None:
    """Return how the window before this one ended, if there is one."""
    if not march.records:
        return None
    last = march.records[-1]
    share = last.length / parts.span.length
    return Attempt(last.length, share, last.residual, 0.0, last.steps)


def _reachable(parts: AbstractMachinery, march: March) -> float:
    """Return a tenth of the residual that the last window suggests is the best there is.

    That is where it was accepted above its tolerance because shorter windows were no better; and
    with conservation rows, its end's distance from the conserved values, which this window's rows
    ask it to make good.
    """
    if not march.records:
        return 0.0
    last = march.records[-1]
    held = any(mode.weight for mode in parts.modes.values())
    drift = min(last.drift, parts.correction) if held else 0.0
    return max(drift, 0.1 * last.residual)


def _worst(report: Report) -> float:
    """Return the fresh-point residual, or infinity where anything is not finite."""
    finite = all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(report))
    return float(report.residual) if finite else float("inf")


def _accept(
    parts: AbstractMachinery, march: March, window: Window, report: Report, following: float
) -> March:
    end = _end(parts.span, march.reached, float(window.length))
    front = Front(
        jnp.asarray(end, parts.dtype),
        {name: jnp.asarray(value) for name, value in report.state.items()},
        {name: jnp.asarray(value) for name, value in report.gained.items()},
        parts.following(report.parameters, march.seed),
        {name: jnp.asarray(value) for name, value in report.grading.items()},
    )
    record = Record(
        end,
        float(window.length),
        float(report.loss),
        float(report.residual),
        float(report.drift),
        march.steps,
        len(march.attempts),
    )
    records = (*march.records, record)
    return March(
        front,
        following,
        march.seed,
        (*march.windows, window),
        (*march.parameters, np.asarray(report.parameters)),
        records,
        final={name: np.asarray(leaf) for name, leaf in named_leaves(march.loop).items()},
        stuck=_hopeless(records, parts.span.length),
    )


def _hopeless(records: tuple[Record, ...], span: float) -> bool:
    """Tell whether the windows diverge, or have become too short to ever arrive."""
    last = records[-CREEPING:]
    creeps = len(last) == CREEPING and all(r.length < SHORTEST * span for r in last)
    return creeps or _diverging([record.residual for record in records])


def _diverging(residuals: list[float]) -> bool:
    """Tell whether the residual is larger than the terms of the equation and keeps growing."""
    last = residuals[-GROWING - 1 :]
    return len(last) > GROWING and last[0] > 1.0 and all(a < b for a, b in pairwise(last))


def _next_stop(interval: Interval, time: float) -> float:
    stops = (*interval.breakpoints, interval.upper)
    return next((stop for stop in stops if stop > time), interval.upper)


def _reaching(parts: AbstractMachinery, march: March) -> float:
    """Return the length to try, no longer than to the next pulse, or a few times its width in it.

    Windows whose length was given are left as they are.
    """
    length = march.length
    if length is None or not length > 0.0:
        rule = type(parts.recipe.windows).__name__
        raise RecipeError(
            f"The rule for windows {rule} gave the length {length!r} at {march.reached:.6g}, "
            "expected a positive number: mend its first or following."
        )
    if not parts.recipe.windows.adaptive:
        return march.length
    return min(march.length, parts.times.reach(march.reached, PULSES))


def _clip(interval: Interval, time: float, length: float) -> float:
    """Return a length that ends at the next breakpoint or leaves room for a whole window.

    It is stretched a little where that is enough: always to leave half of what remains would never
    come to an end where each window is to be somewhat shorter than the last. The window's end is a
    number that time can take, so that no digit is lost however far away time begins.
    """
    remaining = _next_stop(interval, time) - time
    if length >= remaining / STRETCH:
        return remaining
    return (time + min(length, 0.5 * remaining)) - time


def _end(interval: Interval, time: float, length: float) -> float:
    """Return the time at a window's end, exact at breakpoints and at the interval's end."""
    stop = _next_stop(interval, time)
    return stop if length >= (stop - time) * (1.0 - 1e-6) else time + length


def trained(parts: AbstractMachinery, march: March) -> MarchingState:
    """Return the accepted windows as one state, every leaf stacked over the windows."""
    stack = lambda *leaves: jnp.asarray(np.stack(leaves))  # noqa: E731
    windows = jax.tree.map(stack, *march.windows)
    parameters = jax.vmap(parts.unravel)(jnp.asarray(np.stack(march.parameters)))
    return MarchingState(windows, parameters)
