"""Whether a stationary problem has a solution, and one only."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Float

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.precision import arithmetic
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value
from pinn.references.collocated import Collocated
from pinn.references.resolution import least_counts

COUNTS = {1: (24, 36, 54), 2: (8, 12, 16), 3: (4, 5, 7)}
MOST = 1600
# Singular values below the first share of the largest, and of the next one, are zero.
NULL, GAP = 1e-11, 1e-4
# A defect that stays is one; a smaller one is rounding, and one that falls is discretisation.
DEFECT, STAYS = 1e-7, 0.5
CORNER = 1e-6
LINEAR, BETWEEN = 1e-9, 1e-8


@dataclass(frozen=True)
class Solvability:
    """What the null spaces of a linear stationary problem say.

    Args:
        free: how many independent functions may be added to a solution; 0 where it is unique.
        constants: the components, as (field, index), to which any constant may be added.
        bound: how many conditions of compatibility the data must satisfy.
        defect: ‖Σ w b‖ / ‖Σ |w| |b|‖ over the adjoint's null space, with b the data; there is no
            solution where it does not vanish.
    """

    free: int = 0
    constants: tuple[tuple[str, int], ...] = ()
    bound: int = 0
    defect: float = 0.0

    @property
    def unique(self) -> bool:
        """Whether there is one solution."""
        return not self.free


def solvability(problem: Problem) -> Solvability:
    """Tell whether a stationary problem has a solution and whether it is unique.

    By the Fredholm alternative A u = b has a solution exactly where b is orthogonal to every null
    function of the adjoint. A is the equation with its boundary conditions, collocated with more
    and more points; what is left of b on the null space of Aᵀ must vanish as they become more. An
    equation that is not linear is not decided here: its linearisation is, at a solution.

    Raises:
        ProblemError: there is no solution, with the defect of compatibility; or values on two
            faces contradict each other where these meet.
    """
    with arithmetic("float64"):
        return _decided(problem)


def well_posed(problem: Problem) -> Solvability:
    """Return what `solvability` finds of a problem with one solution, or one up to constants.

    Raises:
        ProblemError: there is no solution, or the conditions leave more than constants free.
    """
    known = solvability(problem)
    if known.unique or known.constants:
        return known
    raise ProblemError(
        f"The solution of the stationary problem {problem.name!r} is not unique: its boundary "
        f"conditions leave {known.free} function{'s' if known.free > 1 else ''} free, in any "
        "amount; add a condition for each, or check the equation's coefficients (at a resonance "
        "every amplitude is a solution)."
    )


@lru_cache(maxsize=8)
def _decided(problem: Problem) -> Solvability:
    check_corners(problem)
    found: list[Solvability] = []
    for counts in _ladder(problem):
        one = _analysed(problem, counts)
        if one is None or not (one.free or one.bound):  # not linear, or regular
            return Solvability()
        found.append(one)
        if one.defect <= DEFECT:
            return one
    if incompatible([one.defect for one in found]):
        raise ProblemError(no_solution(problem, found[-1].defect, "equation"))
    return found[-1]


def _ladder(problem: Problem) -> list[tuple[int, ...]]:
    """Return three resolutions, each of which sees what the data vary on where it is affordable."""
    dimensions = len(problem.extent)
    components = sum(prod(shape) for shape in problem.fields.values())
    needed = least_counts(problem)
    ladder = []
    for count, growth in zip(COUNTS[dimensions], (1.0, 1.25, 1.5), strict=True):
        counts = [max(count, int(growth * need)) for need in needed]
        while components * prod(counts) > MOST and max(counts) > count:
            counts[int(np.argmax(counts))] = max(count, int(0.8 * max(counts)))
        ladder.append(tuple(counts))
    return ladder


def _analysed(problem: Problem, counts: Sequence[int]) -> Solvability | None:
    """Return the null spaces at one resolution, None where the problem is not linear."""
    collocated = Collocated.of(problem, counts)
    probe = np.random.default_rng(0).normal(size=collocated.size)
    probe = probe / (1.0 + np.arange(collocated.size))
    matrix, rows = collocated.linearised(np.zeros(collocated.size))
    slopes, other = collocated.linearised(probe)
    sizes = np.max(np.abs(matrix), axis=1) + 1e-300
    straight = np.max(np.abs(slopes - matrix), axis=1) <= LINEAR * sizes
    affine = np.abs(other - rows - matrix @ probe) <= LINEAR * (sizes + np.abs(rows)) * len(probe)
    return null_spaces(collocated, matrix, -rows) if np.all(straight & affine) else None


def null_spaces(collocated: Collocated, matrix: np.ndarray, right: np.ndarray) -> Solvability:
    """Return what the null spaces of matrix · coefficients = right say."""
    scaled, rows, columns = balanced(matrix)
    square = scaled.shape[0] == scaled.shape[1]
    if square and factorised(scaled).condition * NULL < 1e-2:
        return Solvability()
    left, values, down = np.linalg.svd(scaled)
    rank = int(np.sum(values >= NULL * values[0]))
    if square and (rank == len(values) or values[rank] > GAP * values[rank - 1]):
        return Solvability()
    null = _true(collocated, down[rank:] / columns, matrix)
    data, beyond = right / rows, left[:, rank:]
    size = float(np.linalg.norm(np.abs(beyond.T) @ np.abs(data)))
    defect = float(np.linalg.norm(beyond.T @ data)) / size if size else 0.0
    return Solvability(len(null), _constants(collocated, null), beyond.shape[1], defect)


def _true(collocated: Collocated, null: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a basis of what satisfies the homogeneous equation between its points too."""
    if not len(null):
        return null
    zero = jnp.zeros(collocated.size)
    act = lambda v: jax.jvp(lambda f: collocated.equation(f, collocated.between), (zero,), (v,))[1]  # noqa: E731
    count = prod(map(len, collocated.inside))
    size = np.max(np.abs(matrix[: count * collocated.problem.dynamics.residual.size]))
    null = null / np.linalg.norm(null, axis=1, keepdims=True)
    left = np.asarray(jax.vmap(act)(jnp.asarray(null))).reshape((len(null), -1)) / size
    _, values, down = np.linalg.svd(left.T, full_matrices=True)
    kept = np.concatenate([values, np.zeros(len(null) - len(values))]) < BETWEEN
    return down[kept] @ null


def _constants(collocated: Collocated, null: np.ndarray) -> tuple[tuple[str, int], ...]:
    """Return the components whose constant is free, where nothing else is."""
    if not len(null):
        return ()
    places = list(collocated.constants.values())
    others = np.delete(null, places, axis=1)
    if np.linalg.norm(others) > 1e-6:
        return ()
    amounts = np.linalg.norm(null[:, places], axis=0)
    return tuple(c for c, a in zip(collocated.constants, amounts, strict=True) if a > 1e-6)


def balanced(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a matrix with rows and columns of about unit size, and what they were divided by."""
    rows = np.max(np.abs(matrix), axis=1)
    rows = np.where(rows > 0.0, rows, 1.0)[:, None]
    columns = np.max(np.abs(matrix / rows), axis=0)
    columns = np.where(columns > 0.0, columns, 1.0)[None]
    return matrix / rows / columns, rows[:, 0], columns[0]


@dataclass(frozen=True)
class Factors:
    """The LU factors of a square matrix, with its condition in the 1-norm."""

    factors: np.ndarray
    pivots: np.ndarray
    condition: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return the solution of matrix · x = right."""
        return scipy.linalg.lu_solve((self.factors, self.pivots), right)


def factorised(matrix: np.ndarray) -> Factors:
    """Return the LU factors of a square matrix."""
    factorise, estimate = scipy.linalg.get_lapack_funcs(("getrf", "gecon"), (matrix,))
    factors, pivots, info = factorise(matrix)
    norm = float(np.max(np.sum(np.abs(matrix), axis=0)))
    share = 0.0 if info > 0 else estimate(factors, norm)[0]
    return Factors(factors, pivots, 1.0 / share if share > 0.0 else np.inf)


def incompatible(defects: Sequence[float]) -> bool:
    """Tell whether a defect stays as the points become more."""
    stays = all(STAYS < b / a < 1.0 / STAYS for a, b in pairwise(defects) if a > 0.0)
    return min(defects) > DEFECT and stays


def no_solution(problem: Problem, defect: float, what: str) -> str:
    """Return what is said of a problem whose data are not compatible."""
    return (
        f"The stationary problem {problem.name!r} has no solution: its {what} and boundary "
        "conditions are not independent, and the data violate the compatibility condition that "
        f"belongs to them (what nothing balances is {defect:.1e} of the whole). With fluxes given "
        "all round, for example, what flows out must equal what the source gives: correct the "
        "source or the boundary values, or fix the field's value somewhere."
    )


def check_corners(problem: Problem) -> None:
    """Refuse values on two faces that differ where the faces meet.

    Raises:
        ProblemError: with the corner and by how much.
    """
    fixed = [(c, end) for c in problem.boundary if _is_value(problem, c) for end in c.ends]
    for i, one in enumerate(fixed):
        for other in fixed[i + 1 :]:
            same = one[0].field == other[0].field
            if same and one[0].axis != other[0].axis:
                _check_corner(problem, one, other)


def _is_value(problem: Problem, condition: AbstractCondition) -> bool:
    """Tell whether a condition gives the field's own value."""
    return set(condition.operator(problem.space).needs) == {condition.field}


Wall = tuple[AbstractCondition, int]


def _check_corner(problem: Problem, one: Wall, other: Wall) -> None:
    """Compare two faces along the edge where they meet, at a few places."""
    at = {
        c.axis: problem.extent[c.axis].upper if e else problem.extent[c.axis].lower
        for c, e in (one, other)
    }
    free = [n for n in problem.axes if n not in at]
    shares = np.array([0.0, 0.29, 0.63, 1.0]) if free else np.zeros(1)
    mesh = np.meshgrid(*([shares] * len(free)), indexing="ij")
    places = {
        n: problem.axes[n].lower + problem.axes[n].length * m.ravel()
        for n, m in zip(free, mesh, strict=True)
    }
    count = mesh[0].size if mesh else 1
    known = {**places, **{n: np.full(count, v) for n, v in at.items()}}
    values = [_value(problem, wall, known, count) for wall in (one, other)]
    size = max(float(np.max(np.abs(v))) for v in values)
    gap = float(np.max(np.abs(values[0] - values[1])))
    if gap > CORNER * size:
        where = ", ".join(f"{n} = {v:g}" for n, v in at.items())
        raise ProblemError(
            f"The boundary values of {one[0].field!r} contradict each other at {where}: "
            f"{one[0].axis!r} and {other[0].axis!r} demand values that differ by {gap:.1e} there; "
            "make them agree, or give the field a transition between them."
        )


def _value(
    problem: Problem, wall: Wall, known: dict[str, np.ndarray], count: int
) -> Float[np.ndarray, "..."]:
    """Return the field's value that a face demands, (g − left side of 0) / (that of 1 − of 0)."""
    condition, end = wall
    demand = face_value(problem.space, condition, end)
    others = [known[c] for c in problem.axes if c != condition.axis]
    operator, shape = condition.operator(problem.space), problem.fields[condition.field]
    at = lambda value: np.asarray(operator(Jet(problem.space, {condition.field: value})))  # noqa: E731
    zero, one = at(jnp.zeros(shape)), at(jnp.ones(shape))
    rows = [np.asarray(demand(*(jnp.asarray(o[i]) for o in others))) for i in range(count)]
    return (np.stack(rows) - zero) / (one - zero)
