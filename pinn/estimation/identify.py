"""Which combinations of the unknowns the data do not tell."""

import numpy as np
from jaxtyping import Float

from pinn.estimation.fit import Optimum
from pinn.estimation.vector import Vector

# A combination is not told where its logarithm, or its size relative to its own, may vary by this.
UNKNOWN = 1.0
# A member of a combination has at least this share in it.
SHARE = 0.05


def undetermined(vector: Vector, fit: Optimum) -> tuple[str, ...]:
    """Return a sentence on each combination of constants that the data leave open.

    R = U S Vᵀ in units of each constant's own size; a singular value below one is a direction v in
    which the constants may move by more than their own size without a difference to the data.
    """
    chosen = np.flatnonzero(vector.constants)
    if not chosen.size:
        return ()
    factor = _marginal(fit.factor, chosen) * _sizes(vector, fit)[chosen]
    values, directions = np.linalg.svd(factor)[1:]
    names = np.array(vector.names)[chosen]
    found = []
    for value, direction in zip(values, directions, strict=True):
        if value < 1.0 / UNKNOWN:
            members = np.abs(direction) > SHARE * np.max(np.abs(direction))
            found.append(_sentence(names[members], direction[members], vector))
    return tuple(found)


def _marginal(factor: Float[np.ndarray, "n n"], chosen: np.ndarray) -> Float[np.ndarray, "k k"]:
    """Return the triangular factor of some unknowns with the others free."""
    rest = np.setdiff1d(np.arange(len(factor)), chosen)
    ordered = np.linalg.qr(factor[:, [*rest, *chosen]], mode="r")
    return ordered[rest.size :, rest.size :]


def _sizes(vector: Vector, fit: Optimum) -> np.ndarray:
    """Return the size of each number's unit: one where z is a logarithm, else its own size."""
    sizes = np.ones(vector.size)
    for part in vector.parts:
        bounded = part.unknown is not None and any(np.isfinite(part.unknown.bounds))
        if part.unknown is not None and not bounded:
            guess = np.broadcast_to(np.abs(part.unknown.start), part.shape).ravel()
            sizes[part.where] = np.maximum(np.abs(fit.z[part.where]), guess)
    return np.where(sizes > 0.0, sizes, 1.0)


def _sentence(names: np.ndarray, direction: np.ndarray, vector: Vector) -> str:
    if len(names) == 1:
        return f"The data do not determine {names[0]}: give a prior, or measure what depends on it."
    if len(names) == 2 and _positive(names, vector):
        # What stays as it is along the direction (a, b) of logarithms is x · y^(−a/b).
        power = -direction[0] / direction[1]
        whole = {-1.0: f"{names[0]}/{names[1]}", 1.0: f"{names[0]}·{names[1]}"}
        near = next((text for n, text in whole.items() if abs(power - n) < 0.1), None)
        known = near or f"{names[0]}·{names[1]}^({power:.2g})"
        return (
            f"The data do not determine {names[0]} and {names[1]} by themselves, only {known}: "
            "give a prior for one of them, or measure what depends on it."
        )
    parts = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return (
        f"The data do not determine {parts} by themselves: one combination of them is unknown; "
        "give a prior for one of them, or measure what depends on it."
    )


def _positive(names: np.ndarray, vector: Vector) -> bool:
    found = {p.name: p.unknown for p in vector.parts if p.unknown is not None}
    return all(
        name in found and found[name].bounds[0] >= 0.0 and np.isinf(found[name].bounds[1])
        for name in names
    )
