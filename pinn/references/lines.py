"""The method of lines: spectral in space, implicit collocation in time, dense in both."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import PinnError, ProblemError
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.references.box import Box, along
from pinn.references.clock import shown, stops
from pinn.references.collocation import Collocation, Radau, marched
from pinn.references.evolution import Evolution
from pinn.references.panels import Panels
from pinn.references.resolution import least_counts
from pinn.references.series import chopped, padded, space_tail
from pinn.spectral import Grid
from pinn.watch import Watch

# On circles odd numbers whose Fourier transforms are fast.
CIRCLE = {1: (63, 105, 189, 315, 525, 945, 1575, 2025, 3375), 2: (27, 45, 75, 125), 3: (15, 27, 45)}
ACROSS = {1: (16, 24, 36, 54, 80, 120, 180, 270), 2: (16, 24, 36), 3: (9, 11)}
TAIL = 1e-12
ROUGH = 1e-3


@dataclass(frozen=True)
class Lines:
    """The method of lines for problems over space.

    Args:
        modes: how many points along each coordinate, one number or one for each; by default as
            many as the solution's series needs to fall to round-off.
        rtol: what the last coefficients in time may be.
        stages: of the Radau collocation in time.
        cache: keep the solution on disk, under the hash of everything that it depends on.

    Raises:
        ProblemError: too few points, an odd number of stages, or a tolerance that is not positive.
    """

    modes: int | tuple[int, ...] | None = None
    rtol: float = 1e-12
    stages: int = 14
    cache: bool = True

    def __post_init__(self):
        if self.modes is not None and np.min(self.modes) < 4:
            raise ProblemError(f"The method of lines needs at least 4 modes, got {self.modes}.")
        if self.stages < 2 or self.stages % 2 or not self.rtol > 0.0:
            raise ProblemError(
                "The method of lines needs an even number of stages and a positive rtol, got "
                f"stages={self.stages} and rtol={self.rtol}."
            )

    @property
    def name(self) -> str:
        """What tables call it."""
        return "method of lines"


@dataclass(frozen=True)
class Solved:
    """Panels, with the space grid of their series, and by how much the series fell short."""

    panels: Panels
    grid: Grid
    counts: tuple[int, ...]
    tail: float


def solve_lines(problem: Problem, method: Lines, watch: Watch) -> Solved:
    """Return the solution of an evolution problem over space.

    Raises:
        PinnError: the solution is not smooth enough, or ceases to exist.
        OutOfTime: the watch's budget was too short.
        ProblemError: a field has no evolution equation.
    """
    ladders = _ladders(problem, method)
    rungs = _first_rungs(problem, ladders)
    last = Stretch.before()
    stretches: list[Stretch] = []
    while not stretches or stretches[-1].end < problem.interval.length:
        counts = tuple(ladder[i] for ladder, i in zip(ladders, rungs, strict=True))
        ends = [i == len(ladder) - 1 for ladder, i in zip(ladders, rungs, strict=True)]
        last = _stretch(problem, method, counts, ends, last, watch)
        stretches.append(last)
        wanting = zip(rungs, last.short, ends, strict=True)
        rungs = [i + int(short and not end) for i, short, end in wanting]
    tail = max(max(stretch.tails) for stretch in stretches)
    if method.modes is None and tail > ROUGH:
        raise PinnError(_not_smooth(problem, last.grid.shape, tail))
    return _joined(stretches, counts, tail)


@dataclass(frozen=True)
class Stretch:
    """Panels with the same points in space, from where fewer points no longer did.

    Args:
        grid: of the series.
        edges: where panels join, in the time since the start.
        series: coefficients in time and space, panel by panel.
        tails: by coordinate, how far the series fell.
        short: along which coordinates the next panel needs more points.
        limits: how far the series must fall.
    """

    grid: Grid
    edges: list[float]
    series: list[np.ndarray]
    tails: list[float]
    short: list[bool]
    limits: list[float]

    @classmethod
    def before(cls) -> "Stretch":
        """Return the empty stretch before the start."""
        return cls(Grid((), ()), [0.0], [], [], [], [])

    @property
    def end(self) -> float:
        """How far it reaches."""
        return self.edges[-1]


def _joined(stretches: list[Stretch], counts: tuple[int, ...], tail: float) -> Solved:
    grid = stretches[-1].grid
    edges = [stretches[0].edges[0], *(t for s in stretches for t in s.edges[1:])]
    series = [padded(s.grid, grid, one, 2) for s in stretches for one in s.series]
    panels = Panels(jnp.asarray(edges), jnp.asarray(np.stack(series)))
    return Solved(panels, grid, counts, float(tail))


def _ladders(problem: Problem, method: Lines) -> list[tuple[int, ...]]:
    dimensions, axes = len(problem.extent), problem.extent.values()
    if method.modes is not None:
        modes = np.broadcast_to(method.modes, dimensions).tolist()
        return [
            (n + isinstance(a, Periodic) * (1 - n % 2),) for n, a in zip(modes, axes, strict=True)
        ]
    return [(CIRCLE if isinstance(a, Periodic) else ACROSS)[dimensions] for a in axes]


def _first_rungs(problem: Problem, ladders: list[tuple[int, ...]]) -> list[int]:
    """Return the first rungs at which the initial data are resolved, or no longer gain."""
    needed = zip(ladders, least_counts(problem), strict=True)
    rungs = [int(np.searchsorted(ladder[:-1], least)) for ladder, least in needed]
    before = [np.inf] * len(ladders)
    while True:
        box = Box.of(problem, tuple(ladder[i] for ladder, i in zip(ladders, rungs, strict=True)))
        evolution = Evolution(box)
        series = np.asarray(evolution.coefficients(jnp.asarray(0.0), evolution.start))[None]
        tails = space_tail(box.grid, series, _parts(evolution))
        ends = [i == len(ladder) - 1 for ladder, i in zip(ladders, rungs, strict=True)]
        more = [
            tail > TAIL and not end and tail < 0.3 * last
            for tail, end, last in zip(tails, ends, before, strict=True)
        ]
        if not any(more):
            damped = any(tail > TAIL for tail in tails) and _damps(problem, ladders)
            return [
                _rough(i, ladder, damped) if tail > TAIL else i
                for i, ladder, tail in zip(rungs, ladders, tails, strict=True)
            ]
        before = [t if m else b for t, m, b in zip(tails, more, before, strict=True)]
        rungs = [i + int(m) for i, m in zip(rungs, more, strict=True)]


def _rough(rung: int, ladder: tuple[int, ...], damped: bool) -> int:
    """Return a rung for initial data whose series fall like a power, which more would not end.

    Waves that are damped at once cost no panels, so that all may come; others must be followed.
    """
    return len(ladder) - 1 if damped else max(rung, len(ladder) // 2)


def _damps(problem: Problem, ladders: list[tuple[int, ...]]) -> bool:
    """Tell whether the equation damps its fastest waves about as fast as it turns them."""
    if not all(isinstance(axis, Periodic) for axis in problem.extent.values()):
        return False
    evolution = Evolution(Box.of(problem, tuple(ladder[-1] for ladder in ladders)))
    collocation = Collocation(evolution.rate, evolution.layout, Radau(2))
    blocks = collocation.linearised(jnp.asarray(0.0), evolution.start)
    rates = np.linalg.eigvals(np.asarray(blocks))
    fastest = rates[np.argmax(np.max(np.abs(rates), axis=-1))]
    return bool(np.all(fastest.real < -0.5 * np.abs(fastest)))


def _stretch(
    problem: Problem,
    method: Lines,
    counts: tuple[int, ...],
    ends: list[bool],
    before: Stretch,
    watch: Watch,
) -> Stretch:
    """Return the solution with given counts for as long as its series are long enough."""
    evolution = Evolution(Box.of(problem, counts))
    grid, begin = evolution.box.grid, before.end
    collocation = Collocation(evolution.rate, evolution.layout, Radau(method.stages))
    start = _start(evolution, before)
    series = np.asarray(evolution.coefficients(jnp.asarray(begin), start))[None]
    tails = space_tail(grid, series, _parts(evolution))
    limits = before.limits or [max(TAIL, 100.0 * tail) for tail in tails]
    after = Stretch(grid, [begin], [], tails, [False] * len(counts), limits)
    analyse = _analysis(evolution, collocation.radau)
    # Rates carry more rounding than the fields, whose series decide.
    fields = [evolution.slices[name][0] for name in problem.fields]

    duration, size = problem.interval.length, " × ".join(map(str, counts))

    def accept(end: float, t: Array, h: float, nodal: Array) -> bool:
        watch(f"method of lines with {size} points", end / duration)
        values, series = analyse(t, jnp.asarray(h), nodal)
        tails = space_tail(grid, np.asarray(values), fields)
        after.short[:] = [t > m and not e for t, m, e in zip(tails, limits, ends, strict=True)]
        if any(after.short):
            return False
        after.tails[:] = np.maximum(after.tails, tails)
        after.series.append(chopped(np.asarray(series)))
        after.edges.append(end)
        return True

    later = [b for b in stops(problem) if b > begin]
    breaks = np.array([begin, *later, duration])
    tolerance = max(method.rtol, *(0.01 * limit for limit in limits))
    if not _march(problem, collocation, start, breaks, tolerance, accept, all(ends)):
        after.short[:] = [True] * len(counts)
    return after


def _parts(evolution: Evolution) -> list[slice]:
    return [part for part, _ in evolution.slices.values()]


def _start(evolution: Evolution, before: Stretch) -> Array:
    """Return the initial state, or the end of the stretch before at the new points."""
    if not before.series:
        return evolution.start
    state = jnp.asarray(before.series[-1].sum(axis=0))  # every Chebyshev polynomial is 1 at the end
    for axis, (basis, side) in enumerate(zip(before.grid.bases, evolution.box.sides, strict=True)):
        state = along(basis.vandermonde(side.points), state, axis + 1)
    return state


def _not_smooth(problem: Problem, counts: tuple[int, ...], tail: float) -> str:
    return (
        f"The solution of {problem.name!r} is not smooth enough for a spectral reference: with "
        f"{' × '.join(map(str, counts))} points its series still ends at {tail:.0e} of its size; "
        "shorten the time interval, smooth the initial data so that they meet the boundary "
        "conditions, or give exact=."
    )


def _march(
    problem: Problem,
    collocation: Collocation,
    start: Array,
    breaks: np.ndarray,
    tolerance: float,
    accept: Callable[[float, Array, float, Array], bool],
    final: bool,
) -> bool:
    """March, and tell False where it stopped and more points may help."""
    try:
        marched(collocation, start, breaks, tolerance, accept)
    except FloatingPointError as stopped:
        if not final:
            return False
        duration = problem.interval.length
        raise PinnError(
            f"The reference by the method of lines stopped at {problem.time} = "
            f"{shown(problem.interval, stopped.args[0])} of {shown(problem.interval, duration)}: "
            "the solution may be singular there, or "
            "the problem ill-posed; shorten the interval, or check the equation's signs and its "
            "boundary conditions."
        ) from None
    return True


def _analysis(evolution: Evolution, radau: Radau) -> Callable[..., tuple[Array, Array]]:
    nodes = jnp.asarray(np.concatenate([[0.0], radau.nodes]))

    @jax.jit
    def analyse(t: Array, h: Array, nodal: Array) -> tuple[Array, Array]:
        values = jax.lax.map(lambda a: evolution.coefficients(*a), (t + h * nodes, nodal))
        return values, jnp.tensordot(jnp.asarray(radau.analysis), values, axes=1)

    return analyse
