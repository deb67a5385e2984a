"""Where identities on jet space are tested: thousands of jets in what a problem reaches."""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.stats import qmc

from pinn.noether.reach import Reach
from pinn.problem.problem import Problem
from pinn.problem.scan import places

LAYERS = 4
NEAR, AROUND = 0.1, 0.5
SMALLEST = -5.0


def sampled(
    problem: Problem, reach: Reach, entries: Iterable[str], count: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return low-discrepancy jets with independent entries, one array an entry.

    Every fourth jet lies in the data's own range, or within a tenth of a single state; the next
    within half of it, so that positive quantities stay positive; the next as far as speed and time
    may take it; and the last takes each component of any size from a hundred thousandth of the
    data's, so that what a large term hides is seen where it is small. Coordinates are spread evenly
    and by where the statement varies.

    Args:
        problem: whose jets.
        reach: the states about which to sample.
        entries: of the jet.
        count: how many, a multiple of four.
        seed: of the points.
    """
    space = problem.space
    names = sorted({space.canonical(name) for name in entries})
    moving = [n for n in names if not space.is_coordinate(n)]
    sizes = [int(np.prod(space.shape(n))) for n in moving]
    unit = _unit(sum(sizes) + 2, count, seed)
    layer, spread, start = np.arange(count) % LAYERS, unit[:, 0], 2
    found: dict[str, np.ndarray] = {}
    for name, numbers in zip(moving, sizes, strict=True):
        shares = unit[:, start : start + numbers].reshape(count, *space.shape(name))
        found[name] = _values(problem, reach, name, shares, layer, spread)
        start += numbers
    points = places(problem, count, seed)
    return found | {c: points[c] for c in problem.axes if c in names}


def close(count: int) -> np.ndarray:
    """Tell which of the jets lie close to the data."""
    return np.arange(count) % LAYERS == 0


def resampled(points: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return so many points from some, each of them as often as the others, but for one."""
    index = np.arange(count) % len(next(iter(points.values())))
    return {name: np.asarray(values)[index] for name, values in points.items()}


def _unit(dimensions: int, count: int, seed: int) -> np.ndarray:
    """Return scrambled Sobol points (Owen 1998, doi:10.1145/272991.273010) in the unit cube."""
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    return sobol.random_base2(int(np.ceil(np.log2(count))))[:count]


def _values(
    problem: Problem,
    reach: Reach,
    name: str,
    shares: np.ndarray,
    layer: np.ndarray,
    spread: np.ndarray,
) -> np.ndarray:
    """Return the values of one entry, layer by layer."""
    size = size_of(problem, reach, name)
    low, high = (np.asarray(b.get(name, np.zeros(size.shape))) for b in (reach.low, reach.high))
    wide = np.asarray(reach.wide.get(name, np.full(size.shape, 2.0)))
    column = (slice(None),) + (None,) * size.ndim
    signed, within = 2.0 * shares - 1.0, low + (high - low) * shares
    if name not in reach.low:  # a derivative that the data do not give varies about zero
        return size * signed * 10.0 ** (-2.0 * spread[column] * (layer[column] % 2))
    half = np.where(low * high > 0.0, np.minimum(np.abs(low), np.abs(high)), size)
    beyond = np.where(high > low, high - low, 0.0)
    choices = [
        within + np.where(high > low, 0.0, NEAR * half) * signed,
        within + AROUND * half * signed,
        0.5 * (low + high) + signed * (AROUND * size * (2.0 * wide) ** spread[column] + beyond),
        size * np.sign(signed) * 10.0 ** (SMALLEST + (1.0 - SMALLEST) * np.abs(signed)),
    ]
    return np.choose(layer[column], choices)


def size_of(problem: Problem, reach: Reach, name: str) -> np.ndarray:
    """Return the size of an entry: that of the data, else by its neighbours and the axes."""
    space = problem.space
    if name in reach.size:
        return np.asarray(reach.size[name])
    entry = space.parse(name)
    known = [
        (other.orders, np.max(size))
        for other, size in ((space.parse(n), s) for n, s in reach.size.items())
        if other.field == entry.field
    ]
    if not known:
        return np.ones(space.shape(name))
    distance = lambda orders: sum(abs(a - b) for a, b in zip(orders, entry.orders, strict=True))  # noqa: E731
    nearest, size = min(known, key=lambda pair: distance(pair[0]))
    slowest = {c: a.length for c, a in problem.axes.items()}
    for index, coordinate in enumerate(space.coordinates):
        length = _length(known, index, slowest[coordinate])
        size = size * length ** (nearest[index] - entry.orders[index])
    return np.full(space.shape(name), float(np.clip(size, 1e-280, 1e280)))


def _length(known: list, index: int, otherwise: float) -> float:
    """Return over what length a field varies along a coordinate, from two of its derivatives."""
    pure = {o[index]: s for o, s in known if sum(o) == o[index]}
    if 0 in pure and 1 in pure and pure[0] > 0.0 and pure[1] > 0.0:
        return min(pure[0] / pure[1], otherwise)
    return otherwise
