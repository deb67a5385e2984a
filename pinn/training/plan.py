"""Rows over space: where, of which jets, and what of it all does not depend on the parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from pinn.jets import Jet
from pinn.networks.ansatz import Ansatz
from pinn.networks.window import Window
from pinn.training.linear import Jets, LinearObjective
from pinn.training.objective import Block, Objective
from pinn.training.rows import Stage

Unravel = Callable[[Array], PyTree[Array]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is asked of which jets, and where.

    Args:
        points: of shape (points, dimensions), or (slices, nodes, dimensions) where every value is
            an integral over a slice of space; time counts from the window's start.
        needs: the jets' entries.
        blocks: the rows.
    """

    points: Array
    needs: tuple[str, ...]
    blocks: tuple[Block, ...]


def in_time(
    ansatz: Ansatz, stage: Stage, shares: np.ndarray | Array, places: Array, flat: bool = True
) -> Array:
    """Return whole points with the elapsed time, from places of shape (slices, nodes, dims)."""
    index = ansatz.time_index
    if index is not None:
        times = stage.window.inside(jnp.asarray(shares, places.dtype))
        column = jnp.broadcast_to(times[:, None, None], (*places.shape[:2], 1))
        places = jnp.concatenate([places[..., :index], column, places[..., index:]], axis=-1)
    return places.reshape(-1, places.shape[-1]) if flat else places


def prepared(ansatz: Ansatz, window: Window, plan: Plan) -> tuple[Jets, Jets]:
    """Return what of a plan's jets does not depend on the parameters.

    That is the jets of what the window starts from, and of the features where nothing in them is
    learned: they are computed once.
    """
    names, derivatives = _entries(ansatz, plan)
    # The compiler would compute what depends on constant points itself, and slowly.
    points = jax.lax.optimization_barrier(plan.points)
    over = (lambda f: jax.vmap(f)) if points.ndim == 2 else (lambda f: jax.vmap(jax.vmap(f)))
    base_at, features_at = ansatz.base(window, names), ansatz.features(window, derivatives)
    return over(lambda point: (dict(base_at(*point)), features_at(*point)))(points)


def objective_of(
    ansatz: Ansatz, window: Window, unravel: Unravel, plan: Plan, known: tuple[Jets, Jets]
) -> LinearObjective | Objective:
    """Return the rows of a plan, from what `prepared` found."""
    base, features = known
    if features:
        return LinearObjective(plan.blocks, ansatz.problem.space, base, features)
    names, derivatives = _entries(ansatz, plan)

    def jet_at(parameters: Array, point: tuple[Array, Mapping[str, Array]]) -> Jet:
        learned_at = ansatz.learned(unravel(parameters), window, derivatives)
        at, start = point
        one = lambda p: dict(learned_at(*p))  # noqa: E731
        learned = one(at) if at.ndim == 1 else jax.vmap(one)(at)
        return Jet(ansatz.problem.space, {n: start[n] + learned.get(n, 0.0) for n in names})

    return Objective(plan.blocks, jet_at, (plan.points, base))


def _entries(ansatz: Ansatz, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the entries of a plan, and those of them that are derivatives."""
    names = tuple(sorted({ansatz.problem.space.canonical(n) for n in plan.needs}))
    return names, ansatz.derivatives(names)
