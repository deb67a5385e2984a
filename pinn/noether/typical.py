"""Typical values of a problem's fields, about which random jets are drawn."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import Jet, random_jets
from pinn.problem.problem import Problem

PROBES = 7


def typical(problem: Problem) -> dict[str, np.ndarray]:
    """Return a typical value of each entry of the state, from the initial data.

    Over space it is the middle of the range where a component keeps its sign, zero elsewhere.
    """
    if problem.stationary or not problem.extent:
        return {} if problem.stationary else dict(problem.initial_state)
    nodes = [a.lower + a.length * (np.arange(PROBES) + 0.5) / PROBES for a in _space(problem)]
    points = jnp.asarray(list(itertools.product(*nodes)))
    found = {}
    for name, function in problem.initial_state.items():
        values = np.asarray(jax.vmap(lambda p, f=function: f(*p))(points))
        low, high = values.min(axis=0), values.max(axis=0)
        found[name] = np.where(low * high > 0.0, 0.5 * (low + high), 0.0)
    return found


def random_solutions(problem: Problem, entries, seed: int, count: int) -> Jet:
    """Return random jets about typical values, at random points of the problem's domain."""
    jets = random_jets(problem.space, entries, seed, count, typical(problem))
    generator = np.random.default_rng(seed + 1)
    shares = {c: generator.uniform(size=count) for c in problem.axes}
    points = {c: a.lower + a.length * shares[c] for c, a in problem.axes.items()}
    return Jet(problem.space, {**jets, **{c: jnp.asarray(v) for c, v in points.items()}})


def _space(problem: Problem):
    return problem.extent.values()
