"""The waves that a solution is made of, where the initial data tell."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, random_jets
from pinn.networks.mirror import Mirrors, folded, mirrors_of
from pinn.precision import arithmetic
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.problem.scan import places

TOLERANCE = 1e-9
SAMPLES = 512
SMALL = 1e-13
POINTS = {1: 512, 2: 128, 3: 48}


@lru_cache(maxsize=8)
def bandwidth(problem: Problem) -> float | None:
    """Return how many waves around a circle the solution is made of, or None where none tell.

    A linear equation with the same coefficients everywhere turns each wave by itself: on circles,
    and between walls that are mirrors, the solution has the wave numbers of the initial data and
    no others. Over several axes it is the radius of the ball that holds them; between mirrors,
    where half waves fit too, they count half.
    """
    if "bandwidth" in problem.found:
        return problem.found["bandwidth"]
    # A window's end asks inside a trace, where these would be tracers.
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        mirrors = mirrors_of(problem)
        closed = all(n in mirrors or isinstance(a, Periodic) for n, a in problem.extent.items())
        if problem.stationary or not closed or not _keeps_waves(problem):
            return None
        fields = problem.initial_state.items()
        radii = [_radius(problem, mirrors, name, function) for name, function in fields]
        return max(radii) if np.all(np.isfinite(radii)) else None


def _keeps_waves(problem: Problem) -> bool:
    """Tell whether the equation is linear in the jet, and the same everywhere in space.

    That it is the same is seen from its traced program, which has no space coordinate; that it is
    linear, at random jets and at all times at which it changes.
    """
    residual, space = problem.dynamics.residual, problem.space
    if any(c in problem.extent for c in residual.needs):
        return False
    jets = random_jets(space, residual.needs, 3, 2 * SAMPLES)
    entries = [name for name in jets if not space.is_coordinate(name)]
    times = jnp.asarray(places(problem, SAMPLES)[problem.time])

    def defect(one: Jet, other: Jet, t: Array) -> tuple[Array, Array]:
        """Return R(2a − 3b) − 2R(a) + 3R(b) at one time, and the size of its terms."""
        jets = ({n: 2.0 * one[n] - 3.0 * other[n] for n in entries}, one, other)
        mixed, first, second = (residual(Jet(space, {**j, problem.time: t})) for j in jets)
        terms = (mixed, 2.0 * first, -3.0 * second)
        return terms[0] - terms[1] - terms[2], sum(map(jnp.abs, terms), jnp.zeros(()))

    halves = [jax.tree.map(lambda a, i=i: a[i::2], jets) for i in (0, 1)]
    gaps, sizes = (np.asarray(a) for a in jax.jit(jax.vmap(defect))(*halves, times))
    return bool(np.all(np.abs(gaps) <= TOLERANCE * sizes))


def _radius(
    problem: Problem, mirrors: Mirrors, entry: str, function: Callable[..., Array]
) -> float:
    """Return the largest wave number in initial data, infinite where there is no end of them."""
    count = POINTS[len(problem.extent)]
    halves = {n: folded(mirrors, n, axis) for n, axis in problem.extent.items()}
    values = _sampled(problem, function, count, list(halves.values()))
    field = problem.space.parse(entry).field
    for place, (name, half) in enumerate(halves.items()):
        if half:
            values = _unfolded(values, place, mirrors[name][field])
    sizes = np.abs(np.fft.fftn(values, axes=range(len(halves)))).max(axis=-1)
    held = np.argwhere(sizes > SMALL * sizes.max(initial=1e-300))
    numbers = np.minimum(held, count - held)
    if np.any(numbers >= 0.45 * count):
        return inf
    shares = np.where(list(halves.values()), 0.5, 1.0)
    return float(np.sqrt(np.sum((numbers * shares) ** 2, axis=1)).max(initial=0.0))


def _sampled(
    problem: Problem, function: Callable[..., Array], count: int, halves: Sequence[bool]
) -> np.ndarray:
    """Return values on an even mesh, of shape (*points, components)."""
    lines = [
        np.linspace(axis.lower, axis.upper, count // 2 + 1)
        if half
        else np.linspace(axis.lower, axis.upper, count, endpoint=False)
        for axis, half in zip(problem.extent.values(), halves, strict=True)
    ]
    mesh = np.meshgrid(*lines, indexing="ij")
    values = jax.jit(jax.vmap(function))(*(jnp.asarray(m.ravel()) for m in mesh))
    return np.asarray(values).reshape((*mesh[0].shape, -1))


def _unfolded(values: np.ndarray, axis: int, parity: int) -> np.ndarray:
    """Return values from wall to wall, and their reflection about the upper wall."""
    inner = np.flip(values, axis).take(range(1, values.shape[axis] - 1), axis)
    return np.concatenate([values, parity * inner], axis)
