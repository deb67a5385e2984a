"""How trained windows become a function of time and space, compiled once for all seeds."""

from functools import lru_cache

from pinn.networks.ansatz import marching_box
from pinn.networks.averaged import Plan, averaged_plan
from pinn.networks.marching import marching_jet
from pinn.noether.group import Group
from pinn.problem.problem import Problem
from pinn.training.box import box_ansatz, quadrature
from pinn.training.machinery import network_structure
from pinn.training.projected import exact_balance, projected_jet
from pinn.training.projected_fields import ProjectedFields, exact_levels
from pinn.training.recipe import Recipe
from pinn.trajectory import Trajectory

KEPT = 8
SEARCHES = (64,)
"""How many projections are searched for at once: all wait for the slowest."""


@lru_cache(maxsize=KEPT)
def unprojected(problem: Problem, recipe: Recipe, group: Group | None) -> Trajectory:
    """Return the trajectory of a recipe's networks before any projection, yet without a state.

    Its states are those of `pinn.networks.marching.MarchingState`.
    """
    grid = quadrature(problem, recipe.modes) if problem.extent else None
    return Trajectory(problem, _plan(problem, recipe, group), None, recipe.precision, (), grid)


@lru_cache(maxsize=KEPT)
def projected(problem: Problem, recipe: Recipe, group: Group | None) -> Trajectory:
    """Return the same on the level set of the charges that the recipe holds exactly.

    Its states are those of `pinn.training.projected.ProjectedMarch` in time alone.
    """
    chosen = recipe.completed(problem)
    if problem.extent:
        levels = exact_levels(problem, chosen)
        if levels is not None:
            plan = _plan(problem, recipe, group)
            return ProjectedFields(levels, plan, None, recipe.precision, ())
    balance = exact_balance(problem, chosen)
    if balance is None:
        return unprojected(problem, recipe, group)
    graph, _ = network_structure(problem, recipe)
    along = lambda entries: projected_jet(balance, graph, entries)  # noqa: E731
    return Trajectory(problem, along, None, recipe.precision, together=SEARCHES)


def _plan(problem: Problem, recipe: Recipe, group: Group | None) -> Plan:
    """Return the unprojected jets, averaged over the group."""
    graph, _ = network_structure(problem, recipe)
    if problem.extent:
        ansatz = box_ansatz(problem, recipe, graph)
        plan: Plan = lambda entries: marching_box(ansatz, entries)  # noqa: E731
    else:
        plan = lambda entries: marching_jet(graph, problem.space, problem.time, entries)  # noqa: E731
    if group is None:
        return plan
    return averaged_plan(problem, group.elements(problem.fields), plan)
