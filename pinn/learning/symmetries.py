"""Symmetries of the loss in the parameters, found by testing its gradient at random ones.

Each is ⟨∇L, v(θ)⟩ = 0 with v = ∇c the gradient of a quadratic function c, which gradient flow
conserves (Kunin et al., Neural Mechanics, 2021, arXiv:2012.04728).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float, Int

from pinn.learning.errors import LearningError
from pinn.learning.flat import FlatModel, Loss, flat_model
from pinn.learning.program import trace
from pinn.precision import arithmetic

PROBES = 4
NEARLY = 1e-3


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A one-parameter symmetry v(θ) = ∇c of the loss, with c(θ) = Σ w θ_p θ_q + Σ a θ_k.

    Args:
        kind: `translation`, `scale`, `rescale`, `linear` or `factorisation`.
        name: kind and parameters in words.
        p: one index of each product.
        q: the other.
        w: the products' coefficients.
        k: the indices of the linear terms.
        a: their coefficients.
        breaking: ⟨∇L, v⟩ relative to |∇L|·|v| at random parameters: round-off, or what the small
            constant in a normalisation layer's square root breaks of its scale symmetry.
    """

    kind: str
    name: str
    p: Int[np.ndarray, " products"]
    q: Int[np.ndarray, " products"]
    w: Float[np.ndarray, " products"]
    k: Int[np.ndarray, " terms"]
    a: Float[np.ndarray, " terms"]
    breaking: float = 0.0

    def charge(self, flat: Any) -> Any:
        """Return c(θ)."""
        return self.second(flat) + (self.a * flat[self.k]).sum()

    def second(self, step: Any) -> Any:
        """Return Σ w δ_p δ_q, so that c(θ + δ) = c(θ) + ⟨v(θ), δ⟩ + this of δ."""
        return (self.w * step[self.p] * step[self.q]).sum()

    def generator(self, flat: np.ndarray) -> Float[np.ndarray, " parameters"]:
        """Return v(θ) = ∇c."""
        v = np.zeros(flat.size)
        np.add.at(v, self.p, self.w * flat[self.q])
        np.add.at(v, self.q, self.w * flat[self.p])
        np.add.at(v, self.k, self.a)
        return v

    def along(self, flat: Any, direction: Any) -> Any:
        """Return ⟨v(θ), direction⟩."""
        first = self.w * (flat[self.p] * direction[self.q] + flat[self.q] * direction[self.p])
        return first.sum() + (self.a * direction[self.k]).sum()

    def defect(self, flats: np.ndarray, slopes: np.ndarray) -> float:
        """Return the largest ⟨∇L, v⟩ relative to |∇L| · |v| over probes."""
        worst = 0.0
        for flat, slope in zip(flats, slopes, strict=True):
            v = self.generator(flat)
            size = np.linalg.norm(slope) * np.linalg.norm(v)
            worst = max(worst, abs(slope @ v) / size if size > 0.0 else 0.0)
        return worst


NONE = np.zeros(0, int)
Unit = Int[np.ndarray, "rows units"]


def symmetries(
    model: nnx.Module, inputs: Any = None, loss: Loss | None = None
) -> tuple[Symmetry, ...]:
    """Return the independent symmetries of a model's parameters that have a charge.

    Candidates come from the shapes of the parameters alone: shifts of a bias or of all outputs
    (softmax), the scale of a layer or unit (normalisation), one unit against another of any two
    layers (homogeneous activations), all linear mixtures of units (linear pairs), and log-scales
    (random weight factorisation). Each is kept if ⟨∇L, v⟩ = 0 at random parameters and inputs.

    Args:
        model: any NNX module; its parameters' values do not matter.
        inputs: what inputs look like; found from the parameters' shapes when absent.
        loss: a function of the outputs; when absent, what holds for every such function.

    Raises:
        LearningError: no inputs could be found, or the loss is not a scalar.
    """
    with arithmetic("float64"):
        flat = flat_model(model, inputs, loss)
        flats, slopes = flat.slopes(PROBES)
        tolerance = tolerance_of(flat)
    found: list[Symmetry] = []
    basis = np.zeros((0, flat.size))
    for candidate in _candidates(flat, flats, slopes, tolerance):
        v = candidate.generator(flats[0])
        v = v / (np.linalg.norm(v) or 1.0)
        rest = v - basis.T @ (basis @ v)
        rest -= basis.T @ (basis @ rest)
        if np.linalg.norm(rest) > 1e-6:
            found.append(candidate)
            basis = np.vstack([basis, rest / np.linalg.norm(rest)])
    return tuple(found)


def tolerance_of(flat: FlatModel) -> float:
    """Return how exactly ⟨∇L, v⟩ vanishes in the precision that the model computes in."""
    try:
        return max(trace(flat.model, jnp.asarray(flat.inputs)).epsilon ** 0.75 * 100, 1e-10)
    except LearningError:
        return 1e-10


def checked(
    given: Sequence[Symmetry], model: nnx.Module, inputs: Any, loss: Loss | None
) -> tuple[Symmetry, ...]:
    """Return the symmetries, if the loss has them.

    Raises:
        LearningError: the loss changes along one, with the size of the defect.
    """
    with arithmetic("float64"):
        flat = flat_model(model, inputs, loss)
        flats, slopes = flat.slopes(PROBES)
        tolerance = tolerance_of(flat)
    for symmetry in given:
        if not isinstance(symmetry, Symmetry):
            raise LearningError(
                f"symmetries= must be learning.Symmetry objects, got {symmetry!r}: choose among "
                "learning.symmetries(model)."
            )
        used = (*symmetry.p, *symmetry.q, *symmetry.k)
        if max(used) >= flat.size:
            raise LearningError(
                f"The symmetry {symmetry.name!r} is of a model with more parameters than "
                f"{type(model).__name__}, which has {flat.size}."
            )
        defect = symmetry.defect(flats, slopes)
        if not defect <= tolerance:
            raise LearningError(
                f"The loss is not invariant under {symmetry.name!r}: ⟨∇L, v⟩ is {defect:.1e} of "
                "|∇L|·|v|, so that its charge is not conserved; leave it out, or let "
                "learning.symmetries(model) find those that the loss has."
            )
    return tuple(given)


def _candidates(
    flat: FlatModel, flats: np.ndarray, slopes: np.ndarray, tolerance: float
) -> Iterator[Symmetry]:
    """Return every candidate that the gradients allow, simple ones first."""
    units = _units(flat)
    simple = [*_shifts(flat), *_scales(units), *_factorisations(units)]
    measured = [replace(s, breaking=s.defect(flats, slopes)) for s in simple]
    yield from (s for s in measured if s.breaking <= tolerance)
    for (first, a), (second, b) in combinations(units.items(), 2):
        if a.shape[1] == b.shape[1] and not np.intersect1d(a, b).size:
            yield from _pairs(first, a, second, b, flats, slopes, tolerance)
    yield from (s for s in measured if s.kind == "scale" and s.breaking <= NEARLY)


def _units(flat: FlatModel) -> dict[str, Unit]:
    """Return by name what belongs to each unit, one column a unit: what leaves it or enters it."""
    found: dict[str, Unit] = {}
    modules: dict[str, list[Unit]] = {}
    for name, places in flat.leaves.items():
        for label, columns in _columns(name, places):
            found[label] = columns
            if not label.endswith("(in)"):
                modules.setdefault(
                    f"{name.rpartition('/')[0] or 'model'}:{columns.shape[1]}", []
                ).append(columns)
    for name, parts in modules.items():
        if len(parts) > 1:
            found = {name.rpartition(":")[0]: np.vstack(parts)} | found
    return found


def _columns(name: str, places: np.ndarray) -> Iterator[tuple[str, Unit]]:
    shape = places.shape
    if len(shape) <= 1:
        yield name, places.reshape(1, -1)
        return
    yield name, places.reshape(-1, shape[-1])
    yield f"{name} (in)", np.moveaxis(places, -2, 0).reshape(shape[-2], -1).T
    if len(shape) == 3:  # heads: (inputs, heads, features), or (heads, features, outputs)
        yield f"{name} ", places.reshape(shape[0], -1)
        yield f"{name}  (in)", places.reshape(-1, shape[-1]).T
    if len(shape) == 2 and "bias" in name:
        yield f"{name} ", places.reshape(1, -1)


def _shifts(flat: FlatModel) -> Iterator[Symmetry]:
    for name, places in flat.leaves.items():
        rows = places.reshape(-1, places.shape[-1]) if places.ndim else places.reshape(1, 1)
        for row, indices in enumerate(rows):
            yield _linear_term("translation", f"all of {name}[{row}, :]", indices)
        if places.ndim < 2 or "bias" in name:
            for index in places.ravel():
                yield _linear_term(
                    "translation", f"{name}[{index - places.min()}]", np.array([index])
                )


def _linear_term(kind: str, name: str, indices: np.ndarray) -> Symmetry:
    return Symmetry(
        kind, f"{kind} of {name}", NONE, NONE, np.zeros(0), indices, np.ones(indices.size)
    )


def _scales(units: dict[str, Unit]) -> Iterator[Symmetry]:
    for name, columns in units.items():
        if name.endswith("(in)"):
            continue
        for unit, indices in enumerate(columns.T):
            yield _squares("scale", f"{name.strip()}[unit {unit}]", [(indices, 1.0)])
    for name, columns in units.items():
        yield _squares("scale", f"{name.strip()}", [(columns.ravel(), 1.0)])


def _squares(kind: str, name: str, parts: list[tuple[np.ndarray, float]]) -> Symmetry:
    indices = np.concatenate([i for i, _ in parts])
    weights = np.concatenate([np.full(i.size, w) for i, w in parts])
    return Symmetry(kind, f"{kind} of {name}", indices, indices, weights, NONE, np.zeros(0))


def _factorisations(units: dict[str, Unit]) -> Iterator[Symmetry]:
    """Return s − ½ ‖V‖² for a log-scale s of every unit of V: W = V diag(eˢ)."""
    for log, s in units.items():
        for name, v in units.items():
            if s.shape[0] == 1 and s.shape[1] == v.shape[1] and not np.intersect1d(s, v).size:
                for unit in range(s.shape[1]):
                    squares = v[:, unit]
                    yield Symmetry(
                        "factorisation",
                        f"factorisation of {log.strip()} and {name.strip()}[unit {unit}]",
                        squares,
                        squares,
                        np.full(squares.size, -0.5),
                        s[:, unit],
                        np.ones(1),
                    )


def _pairs(
    first: str, a: Unit, second: str, b: Unit, flats: np.ndarray, slopes: np.ndarray, least: float
) -> Iterator[Symmetry]:
    """Return what mixes the units of two layers, A ↦ A S and B ↦ B − B Sᵀ, by one matrix a probe.

    ⟨∇L, v_S⟩ = Σ S_ij [AᵀG_A − (BᵀG_B)ᵀ]_ij, so that each entry of it that vanishes is a symmetry.
    Where only a ratio p of the diagonals is constant, activations are homogeneous of degree p.
    """
    left = np.einsum("pri,prj->pij", flats[:, a], slopes[:, a])
    right = np.einsum("pri,prj->pji", flats[:, b], slopes[:, b])
    sizes = np.einsum("pri,prj->pij", abs(flats[:, a]), abs(slopes[:, a]))
    sizes += np.einsum("pri,prj->pji", abs(flats[:, b]), abs(slopes[:, b]))
    alive = (np.abs(left) > 1e-6 * np.where(sizes > 0.0, sizes, 1.0)).sum(0) > 1
    same = (np.abs(left - right) <= least * sizes).all(0) & alive
    names = f"{first.strip()} and {second.strip()}"
    for i in np.flatnonzero(alive.diagonal()):
        ratio = _degree(left[:, i, i], right[:, i, i], sizes[:, i, i] * least)
        if ratio is not None:
            label = f"{names}[unit {i}]" + ("" if ratio == 1.0 else f", degree {ratio:g}")
            yield _squares("rescale", label, [(a[:, i], 1.0), (b[:, i], -ratio)])
    for i, j in zip(*np.nonzero(np.triu(same & same.T, 1)), strict=True):
        yield Symmetry(
            "linear",
            f"linear mixing of {names}[units {i}, {j}]",
            np.concatenate([a[:, i], b[:, i]]),
            np.concatenate([a[:, j], b[:, j]]),
            np.concatenate([np.ones(len(a)), -np.ones(len(b))]),
            NONE,
            np.zeros(0),
        )


def _degree(left: np.ndarray, right: np.ndarray, least: np.ndarray) -> float | None:
    """Return p if left = p · right at every probe."""
    if (np.abs(left - right) <= least).all():
        return 1.0
    p = float(left @ right / (right @ right)) if right.any() else 0.0
    nearest = round(2.0 * p) / 2.0
    fits = 0.5 <= nearest <= 8.0 and (np.abs(left - nearest * right) <= 4 * nearest * least).all()
    return nearest if fits else None
