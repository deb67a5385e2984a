"""Reference solutions over space: what a trajectory needs of each method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pinn.errors import ProblemError
from pinn.jets import Jet, prolong
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.references import cache
from pinn.references.box import Box
from pinn.references.lines import Lines, Solved, solve_lines
from pinn.references.method import Closed
from pinn.references.panels import Panels, along_lines
from pinn.references.resolution import least_counts
from pinn.references.stationary import Collocation, along_series, solve_stationary
from pinn.spectral import Grid
from pinn.watch import Watch

FieldMethod = Lines | Collocation | Closed
QUADRATURE = {1: 257, 2: 65, 3: 27}
GROWTH, ROUGH_GROWTH = 1.25, 1.5


@dataclass(frozen=True)
class Course:
    """A solution over space as a trajectory takes it.

    Args:
        plan: from entries to the function (state, *point) ↦ jet.
        state: what it reads.
        grid: the quadrature over space.
        joints: the times where its pieces join.
        counts: how many points along each coordinate; none for a closed form.
        constants: the components that are determined up to a constant only.
    """

    plan: Callable[[tuple[str, ...]], Callable[..., Jet]]
    state: Any
    grid: Grid
    joints: np.ndarray
    counts: tuple[int, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()


def course(problem: Problem, method: Any, watch: Watch | None = None) -> Course:
    """Return the solution of a problem over space by one of the methods for these.

    Raises:
        PinnError: the solution is not smooth enough, or does not exist.
        ProblemError: the method is not for this problem.
        OutOfTime: the watch's budget was too short.
    """
    watch = watch or Watch()
    if isinstance(method, Closed):
        return _closed(problem)
    expected = Collocation if problem.stationary else Lines
    if not isinstance(method, expected):
        kind = "stationary" if problem.stationary else "an evolution over space"
        raise ProblemError(
            f"The problem {problem.name!r} is {kind}, which {method.name!r} does not solve: use "
            f"pinn.references.{expected.__name__}()."
        )
    cut = [name for name, axis in problem.extent.items() if getattr(axis, "breakpoints", ())]
    if cut:
        raise ProblemError(
            f"The axis {cut[0]!r} of {problem.name!r} has breakpoints in space, across which "
            f"{method.name} has no series: give a closed form in exact= to compare with."
        )
    return (_stationary if problem.stationary else _lines)(problem, method, watch)


def preferred(problem: Problem) -> FieldMethod:
    """Return the closed form where there is one, else the method for the problem's kind."""
    if problem.exact is not None:
        return Closed()
    return Collocation() if problem.stationary else Lines()


def finer(problem: Problem, method: Any, counts: tuple[int, ...]) -> Lines | Collocation:
    """Return a method with a quarter of the points more and a tighter tolerance.

    Half as many more where what the data vary on may not have been resolved.
    """
    more = GROWTH if _resolved(problem, counts) else ROUGH_GROWTH
    modes = tuple(int(np.ceil(more * n)) for n in counts)
    if isinstance(method, Collocation):
        return Collocation(modes, method.iterations)
    assert isinstance(method, Lines)
    # Never below what rounding lets the last coefficients be.
    return Lines(modes, max(0.1 * method.rtol, 1e-14), method.stages + 2, method.cache)


def _resolved(problem: Problem, counts: tuple[int, ...]) -> bool:
    return all(n > need for n, need in zip(counts, least_counts(problem), strict=True))


def coarser(method: Any, counts: tuple[int, ...]) -> Lines | Collocation:
    """Return a method with a fifth of the points less."""
    modes = tuple(max(int(0.8 * n), 4) for n in counts)
    if isinstance(method, Collocation):
        return Collocation(modes, method.iterations)
    assert isinstance(method, Lines)
    return Lines(modes, 4.0 * method.rtol, method.stages, method.cache)


def _closed(problem: Problem) -> Course:
    exact = problem.exact
    if exact is None:
        raise ProblemError(
            f"The problem {problem.name!r} states no closed form: add exact=, or use a method of "
            "pinn.references."
        )
    starts = [jnp.asarray(axis.lower) for axis in problem.axes.values()]
    shapes = jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(exact, *starts))
    if not isinstance(shapes, Mapping) or {**shapes} != {**problem.fields}:
        raise ProblemError(
            f"exact= returns {shapes}, expected a dictionary with the fields {problem.fields}."
        )

    def plan(entries: tuple[str, ...]) -> Callable[..., Jet]:
        jet_at = prolong(exact, problem.space, entries)
        return lambda state, *point: jet_at(*point)

    count = QUADRATURE[len(problem.extent)]
    grid = Grid.of(problem.extent, dict.fromkeys(problem.extent, count))
    return Course(plan, (), grid, np.zeros(0))


def _lines(problem: Problem, method: Lines, watch: Watch) -> Course:
    kept = _kept if method.cache else solve_lines
    solved = kept(problem, method, watch)
    counts = dict(zip(problem.extent, solved.counts, strict=True))
    return Course(
        lambda entries: along_lines(problem, solved.grid, entries),
        solved.panels,
        _quadrature(problem, counts),
        problem.interval.lower + np.asarray(solved.panels.edges),
        solved.counts,
    )


def _kept(problem: Problem, method: Lines, watch: Watch) -> Solved:
    """Return the solution from disk, or compute and keep it."""
    key = cache.key_of(problem, method)
    stored = None if key is None else _restored(problem, cache.read(key))
    if stored is not None:
        return stored
    solved = solve_lines(problem, method, watch)
    arrays = {
        "edges": np.asarray(solved.panels.edges),
        "coefficients": np.asarray(solved.panels.coefficients),
        "counts": np.asarray(solved.counts),
        "tail": np.asarray(solved.tail),
    }
    if key is not None:
        cache.write(key, arrays)
    return solved


def _restored(problem: Problem, stored: Mapping[str, np.ndarray] | None) -> Solved | None:
    """Return a solution from its arrays, None where they do not fit together."""
    if stored is None or set(stored) != {"edges", "coefficients", "counts", "tail"}:
        return None
    counts = tuple(int(n) for n in stored["counts"].ravel())
    if len(counts) != len(problem.extent) or min(counts) < 1:
        return None
    grid = Box.of(problem, counts).grid
    edges, coefficients = stored["edges"], stored["coefficients"]
    fits = coefficients.ndim > 2 and coefficients.shape[3:] == grid.shape
    if not fits or edges.shape != (len(coefficients) + 1,) or stored["tail"].shape:
        return None
    panels = Panels(jnp.asarray(edges), jnp.asarray(coefficients))
    return Solved(panels, grid, counts, float(stored["tail"]))


def _stationary(problem: Problem, method: Collocation, watch: Watch) -> Course:
    solved = solve_stationary(problem, method, watch)
    counts = dict(zip(problem.extent, solved.counts, strict=True))
    plan = lambda entries: along_series(problem, solved.grid, entries)  # noqa: E731
    grid = _quadrature(problem, counts)
    return Course(plan, solved.coefficients, grid, np.zeros(0), solved.counts, solved.constants)


def _quadrature(problem: Problem, counts: dict[str, int]) -> Grid:
    """Return a grid that integrates products of the fields across intervals too."""
    more = {
        c: n if isinstance(problem.extent[c], Periodic) else n + n // 2 + 4
        for c, n in counts.items()
    }
    return Grid.of(problem.extent, more)
