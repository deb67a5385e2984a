"""Recurrence: a finite reversible map comes back, however mixed its ensembles look meanwhile."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from pinn.errors import ProblemError
from pinn.precision import arithmetic

Map = Callable[[Any], Any]


@dataclass(frozen=True)
class Recurrence:
    """An ensemble along a finite reversible map.

    Args:
        entropy: coarse-grained, −Σ p log p over the cells, at each step from the start on.
        most: the entropy of an even spread over all cells, log(number of cells).
        returns: the steps at which every member is back where it began, the start left out.
    """

    entropy: Float[np.ndarray, " steps"]
    most: float
    returns: Int[np.ndarray, " returns"]


def period(step: Map, state: Any, limit: int = 10_000_000) -> int:
    """Return after how many steps a map on a finite set is back at a state.

    A bijection's orbits are cycles, which every state on them returns to. Brent's algorithm finds
    where an orbit closes in any case, so that a map that loses information is told from one that
    takes long.

    Source: Brent (1980), BIT 20:176, doi:10.1007/BF01933190.

    Args:
        step: from a state, a tree of integer arrays, to the next one.
        state: where the orbit begins.
        limit: give up after so many steps.

    Raises:
        ProblemError: the state is not of integers, or the orbit closes without it, or not in time.
    """
    _check_integers(state)
    if limit < 1:
        raise ProblemError(f"A period needs a limit of at least 1 step, got {limit}.")
    with arithmetic("float64"):
        start = jax.tree.map(jnp.asarray, state)
        home, length, taken = (int(n) for n in _brent(step, start, limit))
    if home:
        return home
    if length:
        raise ProblemError(
            f"The map is not reversible: from this state it enters a cycle of {length} steps that "
            "does not hold the state, so that two states have one successor."
        )
    raise ProblemError(
        f"The orbit has not closed after {taken} steps: raise limit=, or take a coarser lattice."
    )


def _brent(step: Map, start: Any, limit: int) -> tuple[Array, Array, Array]:
    """Return the first return to the start, the length of a cycle without it, and the steps."""

    def going(carry: tuple) -> Array:
        _, _, _, _, taken, home, length = carry
        return (home == 0) & (length == 0) & (taken < limit)

    def once(carry: tuple) -> tuple:
        here, kept, power, since, taken, home, length = carry
        renew = since == power
        kept = jax.tree.map(lambda a, b: jnp.where(renew, a, b), here, kept)
        power, since = jnp.where(renew, 2 * power, power), jnp.where(renew, 0, since) + 1
        here, taken = step(here), taken + 1
        home = jnp.where(_same(here, start), taken, 0)
        return here, kept, power, since, taken, home, jnp.where(_same(here, kept), since, length)

    zero, one = jnp.zeros((), jnp.int64), jnp.ones((), jnp.int64)
    run = jax.jit(lambda carry: jax.lax.while_loop(going, once, carry))
    _, _, _, _, taken, home, length = run((start, start, one, zero, zero, zero, zero))
    return home, length, taken


def _same(a: Any, b: Any) -> Array:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jnp.all(jnp.stack([jnp.all(x == y) for x, y in pairs]))


def common_period(periods: ArrayLike) -> int:
    """Return after how many steps states with these periods are all back: their multiple."""
    return math.lcm(*(int(n) for n in np.ravel(np.asarray(periods))))


def coarse_entropy(cells: Int[ArrayLike, " members"], count: int) -> float:
    """Return −Σ p log p of how members are spread over cells, numbered from 0 to count − 1.

    Raises:
        ProblemError: a member is in a cell that there is not.
    """
    found = np.ravel(np.asarray(cells))
    if found.size == 0 or found.min() < 0 or found.max() >= count:
        raise ProblemError(
            f"Each member must be in one of the cells 0 … {count - 1}, got "
            f"{f'{found.min()} … {found.max()}' if found.size else 'no member'}."
        )
    shares = np.bincount(found, minlength=count) / found.size
    return float(0.0 - np.sum(shares[shares > 0.0] * np.log(shares[shares > 0.0])))


def recurrence(
    step: Map, ensemble: Any, cell: Callable[[Any], Array], count: int, steps: int
) -> Recurrence:
    """Follow an ensemble along a finite map, and its entropy as seen through coarse cells.

    The map is a bijection, and the fine-grained entropy of the ensemble constant; the coarse-
    grained one rises as the cells mix, and falls back to its start when the members return.

    Args:
        step: from one member's state, a tree of integer arrays, to the next.
        ensemble: the states at the start, members along the first axis of each leaf.
        cell: from one member's state to the number of the cell that it is in.
        count: how many cells there are.
        steps: how many steps to follow.

    Raises:
        ProblemError: the states are not of integers, a cell that there is not is named, or the map
            is not reversible.
    """
    _check_integers(ensemble)
    if steps < 1:
        raise ProblemError(f"A recurrence needs at least one step, got {steps}.")

    def once(states: Any, _: None) -> tuple[Any, tuple[Array, Array]]:
        moved = jax.vmap(step)(states)
        return moved, (jax.vmap(cell)(moved), _same(moved, start))

    with arithmetic("float64"):
        start = jax.tree.map(jnp.asarray, ensemble)
        begin = np.asarray(jax.vmap(cell)(start))
        follow = jax.jit(lambda s: jax.lax.scan(once, s, None, length=steps))
        end, (cells, home) = follow(start)
    before, after = _different(start), _different(end)
    if after < before:
        raise ProblemError(
            f"The map is not reversible: after {steps} steps {before} different states have become "
            f"{after}, and what is lost does not come back."
        )
    entropy = [coarse_entropy(row, count) for row in (begin, *np.asarray(cells))]
    return Recurrence(np.array(entropy), math.log(count), np.flatnonzero(np.asarray(home)) + 1)


def _different(states: Any) -> int:
    """Return how many members of an ensemble differ."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(states)]
    rows = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    return len(np.unique(rows, axis=0))


def _check_integers(state: Any) -> None:
    kinds = [np.asarray(leaf).dtype for leaf in jax.tree.leaves(state)]
    if not kinds or not all(np.issubdtype(kind, np.integer) for kind in kinds):
        raise ProblemError(
            f"A finite map has states of integers, got {', '.join(map(str, kinds)) or 'nothing'}: "
            "floating-point states never count as equal for certain."
        )
