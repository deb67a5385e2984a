"""A trained solver with coarse weights: what that costs in accuracy, and what laws keep."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import near_matches
from pinn.learning.errors import LearningError
from pinn.measure import drift, ledger_times, sample_points
from pinn.networks.marching import MarchingState
from pinn.references.reference import Reference, reference, relative_l2
from pinn.solution import Solution

Format = Literal["float64", "float32", "bfloat16", "int8", "ternary"]
FORMATS: tuple[Format, ...] = ("float64", "float32", "bfloat16", "int8", "ternary")


def quantised(solution: Solution, weights: Format) -> Solution:
    """Return a trained solver whose weights have a coarse format.

    What a network learned is rounded; what it starts from, its initial data and those of its
    windows, is data and stays in the working precision: double for `float64`, single for all else,
    in which the coarse weights are multiplied and projections are made, as hardware does. So
    charges that the recipe holds exactly hold to single precision, whatever the weights are.

    * `bfloat16`: 8 bits of precision, rounded to nearest.
    * `int8`: −127 … 127 times a scale for each output of a layer, the largest weight's.
    * `ternary`: 1, 0, −1 times a scale for each output, the ones nearest in least squares
      (cf. Li, Zhang & Liu 2016, arXiv:1605.04711, whose threshold is approximate; here exact).

    Raises:
        LearningError: there is no such format.
    """
    if weights not in FORMATS:
        raise LearningError(
            f"There is no weight format {weights!r}{near_matches(weights, FORMATS)}: choose one of "
            f"{', '.join(FORMATS)}."
        )
    precision = "float64" if weights == "float64" else "float32"
    if solution.recipe.precision == "float32" and precision == "float64":
        raise LearningError(
            "This solver was trained in float32, which holds no float64 weights: choose a coarser "
            "format."
        )
    cast = lambda leaf: np.asarray(leaf).astype(precision)  # noqa: E731
    rounded = lambda leaf: cast(_ROUNDED[weights](np.asarray(leaf, np.float64)))  # noqa: E731
    model = MarchingState(
        jax.tree.map(cast, solution.model.windows),
        jax.tree.map(rounded, solution.model.parameters),
    )
    march = replace(solution.march, records=tuple(_unmeasured(r) for r in solution.march.records))
    recipe = replace(solution.recipe, precision=precision)
    return replace(solution, recipe=recipe, model=model, march=march, scores={})


def _unmeasured(record: Any) -> Any:
    """Return a window's record without the residual, which was that of other weights."""
    return replace(record, residual=float("inf"))


@dataclass(frozen=True)
class Quantisation:
    """What one weight format costs.

    Args:
        weights: the format.
        exact: whether charges are held by projection.
        error: relative L2 error by field.
        drift: max_t |I(t) − I(start) − ∫ sources| / scale by charge.
        precision: the working precision's rounding unit.
        bits: of one weight, scales left out.
    """

    weights: Format
    exact: bool
    error: dict[str, float]
    drift: dict[str, float]
    precision: float
    bits: float


def quantisation(
    solution: Solution,
    against: Reference | None = None,
    *,
    formats: tuple[Format, ...] = FORMATS,
    samples: int | None = None,
) -> list[Quantisation]:
    """Score a trained solver in every weight format, with and without exact conservation.

    Args:
        solution: a trained solver, over time alone or also over space.
        against: the reference; by default the problem's own.
        formats: which formats.
        samples: at how many times, as in `pinn.compare`.

    Raises:
        LearningError: there is no such format.
        RecipeError: the problem has a charge that cannot be held exactly.
    """
    problem = solution.problem
    truth = against or reference(problem)
    points, when = sample_points(problem, samples), ledger_times(problem, samples)
    known, found = truth(*points), []
    for weights in formats:
        for exact in (False, True):
            held = _held(solution, "exact" if exact else "off")
            coarse = quantised(held, weights)
            mine = coarse(*points)
            error = {n: relative_l2(mine[n], known[n]) for n in problem.fields}
            unit = float(np.finfo(coarse.recipe.precision).eps)
            drifts = drift(coarse.trajectory, when)
            found.append(Quantisation(weights, exact, error, drifts, unit, _BITS[weights]))
    return found


def _held(solution: Solution, mode: str) -> Solution:
    return replace(solution, recipe=replace(solution.recipe, conservation=mode))


def to_bfloat16(weights: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return weights rounded to the nearest bfloat16."""
    return np.asarray(jnp.asarray(weights, jnp.float32).astype(jnp.bfloat16), np.float64)


def to_int8(weights: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return weights rounded to whole multiples, at most 127, of a scale for each output.

    The last axis counts outputs, the first one windows; the rest is summed over.
    """
    largest = np.max(np.abs(weights), axis=_inner(weights), keepdims=True)
    scale = np.where(largest > 0.0, largest, 1.0) / 127.0
    return np.rint(weights / scale) * scale


def to_ternary(weights: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the nearest s·{1, 0, −1} in least squares, with a scale s for each output.

    With the k largest weights kept, s is their mean size, and the error Σ w² − (Σ_k |w|)²/k: the k
    that makes it least is found by trying all.
    """
    inner = _inner(weights)
    if not inner:
        return weights.copy()
    columns = np.moveaxis(weights, inner, tuple(range(len(inner))))
    flat = columns.reshape(int(np.prod(columns.shape[: len(inner)])), -1)
    sizes = -np.sort(-np.abs(flat), axis=0)
    counts = np.arange(1, len(flat) + 1)[:, None]
    gains = np.cumsum(sizes, axis=0) ** 2 / counts
    best = np.argmax(gains, axis=0)
    each = np.arange(flat.shape[1])
    scale = np.cumsum(sizes, axis=0)[best, each] / (best + 1)
    kept = np.abs(flat) >= sizes[best, each]
    found = (np.sign(flat) * kept * scale).reshape(columns.shape)
    return np.moveaxis(found, tuple(range(len(inner))), inner)


def _inner(weights: np.ndarray) -> tuple[int, ...]:
    """Return the axes over which weights share a scale: all but windows and outputs.

    A vector of biases, windows × outputs, shares one scale in each window.
    """
    return tuple(range(1, max(weights.ndim - 1, min(weights.ndim, 2))))


_ROUNDED: dict[Format, Callable[[np.ndarray], Array | np.ndarray]] = {
    "float64": lambda weights: weights,
    "float32": lambda weights: weights.astype(np.float32),
    "bfloat16": to_bfloat16,
    "int8": to_int8,
    "ternary": to_ternary,
}
_BITS: dict[Format, float] = {
    "float64": 64,
    "float32": 32,
    "bfloat16": 16,
    "int8": 8,
    "ternary": float(np.log2(3.0)),
}
