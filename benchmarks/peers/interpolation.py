"""A peer's values at nodes, as a function that `pinn` can differentiate and integrate."""

from dataclasses import dataclass
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import prolong
from pinn.problem.problem import Problem
from pinn.spectral import Grid
from pinn.trajectory import Trajectory

DEGREES = 10
PANELS = {1: (300,), 2: (20, 128)}
QUADRATURE = 1281


@dataclass(frozen=True)
class Layout:
    """Panels along each axis with Chebyshev's nodes in each.

    Args:
        edges: where the panels of each axis join.
    """

    edges: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, problem: Problem) -> "Layout":
        """Return the panels for a problem in time, or in time and one space coordinate."""
        axes = list(problem.axes.values())
        counts = PANELS[len(axes)]
        return cls(
            tuple(np.linspace(a.lower, a.upper, n + 1) for a, n in zip(axes, counts, strict=True))
        )

    @property
    def points(self) -> np.ndarray:
        """Every node (N, d), the last coordinate fastest."""
        nodes = 0.5 * (1.0 + np.polynomial.chebyshev.chebpts1(DEGREES))
        lines = [(e[:-1, None] + np.diff(e)[:, None] * nodes).ravel() for e in self.edges]
        return np.stack([m.ravel() for m in np.meshgrid(*lines, indexing="ij")], axis=-1)

    def coefficients(self, values: np.ndarray) -> np.ndarray:
        """Return the Chebyshev series (panels…, degrees…, c) of values (N, c) at the nodes."""
        shape = [n for e in self.edges for n in (len(e) - 1, DEGREES)]
        table = values.reshape(*shape, values.shape[-1])
        nodes = np.polynomial.chebyshev.chebpts1(DEGREES)
        analysis = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, DEGREES - 1))
        for axis in range(len(self.edges)):
            table = np.moveaxis(np.tensordot(analysis, table, (1, 2 * axis + 1)), 0, 2 * axis + 1)
        panels = tuple(range(0, 2 * len(self.edges), 2))
        return np.moveaxis(table, panels, tuple(range(len(panels))))


def _chebyshev(s: jax.Array) -> jax.Array:
    terms = [jnp.ones_like(s), s]
    while len(terms) < DEGREES:
        terms.append(2.0 * s * terms[-1] - terms[-2])
    return jnp.stack(terms)


def _at(edges: tuple[jax.Array, ...], table: jax.Array, *point: jax.Array) -> jax.Array:
    """Return the components at one point."""
    panels, terms = [], []
    for line, value in zip(edges, point, strict=True):
        panel = jnp.clip(jnp.searchsorted(line, value, side="right") - 1, 0, line.shape[0] - 2)
        low, high = line[panel], line[panel + 1]
        panels.append(panel)
        terms.append(_chebyshev(2.0 * (value - low) / (high - low) - 1.0))
    return reduce(lambda series, term: jnp.tensordot(term, series, 1), terms, table[tuple(panels)])


def trajectory_of(problem: Problem, values: np.ndarray) -> Trajectory:
    """Return the field with given values (N, c) at the nodes of the problem's layout.

    Args:
        problem: whose fields these are, their components side by side.
        values: at `Layout.of(problem).points`.
    """
    layout = Layout.of(problem)
    names, shapes = list(problem.fields), list(problem.fields.values())
    sizes = [int(np.prod(shape)) for shape in shapes]
    cuts = np.cumsum(sizes)[:-1].tolist()

    def fields(state, *point):
        parts = jnp.split(_at(state[0], state[1], *point), cuts)
        return {n: p.reshape(s) for n, p, s in zip(names, parts, shapes, strict=True)}

    def plan(entries):
        return lambda state, *point: prolong(partial(fields, state), problem.space, entries)(*point)

    state = (tuple(jnp.asarray(e) for e in layout.edges), jnp.asarray(layout.coefficients(values)))
    grid = Grid.of(problem.extent, dict.fromkeys(problem.extent, QUADRATURE))
    return Trajectory(
        problem, plan, state, "float64", layout.edges[0], grid if problem.extent else None
    )
