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
from pinn.references.stationary import Collocation, along_series, solve_stationary
from pinn.spectral import Grid

FieldMethod = Lines | Collocation | Closed
QUADRATURE = {1: 257, 2: 65, 3: 27}
SAMPLES = {1: 65, 2: 17, 3: 7}
TIMES = 33


@dataclass(frozen=True)
class Course:
    """A solution over space as a trajectory takes it.

    Args:
        plan: from entries to the function (state, *point) ↦ jet.
        state: what it reads.
        grid: the quadrature over space.
        joints: the times where its pieces join.
        counts: how many points along each coordinate; none for a closed form.
    """

    plan: Callable[[tuple[str, ...]], Callable[..., Jet]]
    state: Any
    grid: Grid
    joints: np.ndarray
    counts: tuple[int, ...] = ()


def course(problem: Problem, method: Any) -> Course:
    """Return the solution of a problem over space by one of the methods for these.

    Raises:
        PinnError: the solution is not smooth enough, or does not exist.
        ProblemError: the method is not for this problem.
    """
    if isinstance(method, Closed):
        return _closed(problem)
    expected = Collocation if problem.stationary else Lines
    if not isinstance(method, expected):
        kind = "stationary" if problem.stationary else "an evolution over space"
        raise ProblemError(
            f"The problem {problem.name!r} is {kind}, which {method.name!r} does not solve: use "
            f"pinn.references.{expected.__name__}()."
        )
    return (_stationary if problem.stationary else _lines)(problem, method)


def preferred(problem: Problem) -> FieldMethod:
    """Return the closed form where there is one, else the method for the problem's kind."""
    if problem.exact is not None:
        return Closed()
    return Collocation() if problem.stationary else Lines()


def finer(method: Any, counts: tuple[int, ...]) -> Lines | Collocation:
    """Return a method with half as many points again and a tighter tolerance."""
    modes = max(counts) + max(counts) // 2
    if isinstance(method, Collocation):
        return Collocation(modes, method.iterations)
    assert isinstance(method, Lines)
    # Never below what rounding lets the last coefficients be.
    return Lines(modes, max(0.1 * method.rtol, 1e-14), method.stages + 2, method.cache)


def sample_points(problem: Problem) -> tuple[np.ndarray, ...]:
    """Return a small grid over time and space, one broadcasting array a coordinate."""
    count = SAMPLES[min(len(problem.extent), 3)]
    lines = []
    for name, axis in problem.axes.items():
        points = TIMES if name not in problem.extent else count
        lines.append(np.linspace(axis.lower, axis.upper, points))
    return tuple(np.meshgrid(*lines, indexing="ij", sparse=True))


def closed_rounding(problem: Problem) -> float:
    """Return the relative change of a closed form when its point moves by rounding."""
    assert problem.exact is not None
    points = [jnp.asarray(a.ravel()) for a in np.broadcast_arrays(*sample_points(problem))]
    eps = float(np.finfo(float).eps)
    at = jax.jit(jax.vmap(problem.exact))
    here, moved = at(*points), at(*(p * (1.0 + 2.0 * eps) for p in points))
    errors = []
    for name in problem.fields:
        value, other = np.asarray(here[name]), np.asarray(moved[name])
        size = float(np.linalg.norm(value))
        errors.append(0.5 * float(np.linalg.norm(other - value)) / size if size else 0.0)
    return max(errors) + 4.0 * eps


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


def _lines(problem: Problem, method: Lines) -> Course:
    solved = _kept(problem, method) if method.cache else solve_lines(problem, method)
    counts = dict(zip(problem.extent, solved.counts, strict=True))
    return Course(
        lambda entries: along_lines(problem, solved.grid, entries),
        solved.panels,
        _quadrature(problem, counts),
        np.asarray(solved.panels.edges),
        solved.counts,
    )


def _kept(problem: Problem, method: Lines) -> Solved:
    """Return the solution from disk, or compute and keep it."""
    key = cache.key_of(problem, method)
    stored = None if key is None else _restored(problem, cache.read(key))
    if stored is not None:
        return stored
    solved = solve_lines(problem, method)
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


def _stationary(problem: Problem, method: Collocation) -> Course:
    solved = solve_stationary(problem, method)
    counts = dict(zip(problem.extent, solved.counts, strict=True))
    plan = lambda entries: along_series(problem, solved.grid, entries)  # noqa: E731
    return Course(
        plan, solved.coefficients, _quadrature(problem, counts), np.zeros(0), solved.counts
    )


def _quadrature(problem: Problem, counts: dict[str, int]) -> Grid:
    """Return a grid that integrates products of the fields across intervals too."""
    more = {
        c: n if isinstance(problem.extent[c], Periodic) else n + n // 2 + 4
        for c, n in counts.items()
    }
    return Grid.of(problem.extent, more)
