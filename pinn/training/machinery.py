"""The parts that belong to a problem and a recipe, made once."""

from functools import lru_cache

import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree

from pinn.networks.mirror import mirrors_of
from pinn.noether.anchor import anchor
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.problem.scan import Variation, scan
from pinn.training.box import box_ansatz
from pinn.training.field_rows import varied
from pinn.training.fields import Fields, time_slices
from pinn.training.mechanics import Mechanics
from pinn.training.parts import AbstractMachinery, network
from pinn.training.projected import exact_balance
from pinn.training.projected_fields import exact_levels
from pinn.training.recipe import Recipe
from pinn.training.rows import Nodes
from pinn.training.scales import largest_rates, taylor_orders


def machinery(problem: Problem, recipe: Recipe) -> AbstractMachinery:
    """Return the compiled parts for a problem and a recipe, made once for all seeds.

    Raises:
        ProblemError: the problem's claims or initial data are wrong.
        RecipeError: the recipe asks to hold a charge that there is not, or that cannot be held.
    """
    return _made(problem, recipe.completed(problem))


def lawless(problem: Problem, recipe: Recipe) -> Fields:
    """Return the parts of a problem over space whose charges nothing holds or measures."""
    recipe = recipe.completed(problem)
    graph, state = nnx.split(network(problem, recipe, seed=0))
    unravel, ansatz = ravel_pytree(state)[1], box_ansatz(problem, recipe, graph)
    slices, times = time_slices(recipe), _times(problem)
    given = (problem, recipe, {}, {}, {}, graph, unravel)
    parts = Fields(*given, ansatz, slices, varied(problem), times=times)
    vars(parts)["modes"] = {}
    return parts


@lru_cache(maxsize=8)
def _made(problem: Problem, recipe: Recipe) -> AbstractMachinery:
    begin_at = anchor(problem)
    graph, state = nnx.split(network(problem, recipe, seed=0))
    anchors = {name: value.astype(recipe.precision) for name, value in begin_at.charges.items()}
    common = (problem, recipe, verified_charges(problem), anchors, begin_at.scales, graph)
    unravel, times = ravel_pytree(state)[1], _times(problem)
    if problem.extent:
        exact_levels(problem, recipe)  # refuses what cannot be held before anything is trained
        ansatz = box_ansatz(problem, recipe, graph)
        return Fields(*common, unravel, ansatz, time_slices(recipe), varied(problem), times=times)
    start = {name: value.astype(recipe.precision) for name, value in begin_at.jet.items()}
    nodes, balance = Nodes.gauss_legendre(recipe.points), exact_balance(problem, recipe)
    orders = taylor_orders(problem.dynamics, problem.initial_state, problem.interval.lower)
    largest = largest_rates(problem.dynamics, problem.initial_state, times.knots)
    return Mechanics(*common, unravel, nodes, start, orders, largest, balance, times=times)


def _times(problem: Problem) -> Variation:
    if problem.stationary:
        return Variation(np.array([0.0, 1.0]))
    return scan(problem)[problem.time]


def network_structure(problem: Problem, recipe: Recipe) -> tuple[nnx.GraphDef, nnx.State]:
    """Return the structure of one window's network, and the shapes of its parameters."""
    recipe = recipe.completed(problem)
    mirrors_of(problem)  # found by computing, and kept: tracing below could not
    with arithmetic(recipe.precision):
        return nnx.split(nnx.eval_shape(lambda: network(problem, recipe, seed=0)))
