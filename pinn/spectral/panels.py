"""Composite Gauss–Legendre quadrature over a box, with panels cut where functions vary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from jaxtyping import Float

from pinn.problem.axes import Axis


@dataclass(frozen=True, eq=False)
class Rule:
    """A composite rule along one coordinate.

    Args:
        edges: where the panels join, increasing.
        order: how many nodes there are in each panel.
    """

    edges: Float[np.ndarray, " edges"]
    order: int

    @property
    def lower(self) -> float:
        """Where the coordinate starts."""
        return float(self.edges[0])

    @property
    def upper(self) -> float:
        """Where it ends."""
        return float(self.edges[-1])

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return self.order * (len(self.edges) - 1)

    @cached_property
    def nodes(self) -> np.ndarray:
        """The nodes, panel by panel."""
        z, _ = np.polynomial.legendre.leggauss(self.order)
        half = 0.5 * np.diff(self.edges)[:, None]
        return (self.edges[:-1, None] + half * (z + 1.0)).ravel()

    @cached_property
    def weights(self) -> np.ndarray:
        """The weights of ∫ f dx ≈ Σ w f(node)."""
        _, w = np.polynomial.legendre.leggauss(self.order)
        return (0.5 * np.diff(self.edges)[:, None] * w).ravel()

    def tails(self, values: Float[np.ndarray, "nodes rest"]) -> Float[np.ndarray, " panels"]:
        """Return by panel the last two Legendre coefficients of values that have unit size."""
        legendre = np.polynomial.legendre
        z, w = legendre.leggauss(self.order)
        degrees = np.arange(self.order - 2, self.order)
        last = legendre.legvander(z, self.order - 1)[:, degrees].T * w * (degrees + 0.5)[:, None]
        panels = values.reshape((len(self.edges) - 1, self.order, -1))
        found = np.einsum("dn,pnr->pdr", last, panels)
        return np.max(np.abs(found), axis=(1, 2), initial=0.0)

    def cut(self, panels: np.ndarray) -> "Rule":
        """Return the rule with these panels halved."""
        middles = 0.5 * (self.edges[1:] + self.edges[:-1])
        return Rule(np.union1d(self.edges, middles[panels]), self.order)


@dataclass(frozen=True, eq=False)
class Panelled:
    """The tensor product of composite rules: a quadrature over a box, as a `Grid` is one.

    Args:
        coordinates: their names, in order.
        bases: the rule along each.
    """

    coordinates: tuple[str, ...]
    bases: tuple[Rule, ...]

    @classmethod
    def of(
        cls, axes: Mapping[str, Axis], count: int, order: int, knots: Mapping[str, np.ndarray]
    ) -> "Panelled":
        """Return so many even panels along each axis, cut at knots too."""
        rules = []
        for name, axis in axes.items():
            edges = np.union1d(np.linspace(axis.lower, axis.upper, count + 1), knots.get(name, ()))
            apart = np.diff(edges, prepend=-np.inf) > 1e-12 * axis.length
            rules.append(Rule(edges[apart], order))
        return cls(tuple(axes), tuple(rules))

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of nodes along each coordinate."""
        return tuple(rule.count for rule in self.bases)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return int(np.prod(self.shape))

    @cached_property
    def lines(self) -> tuple[np.ndarray, ...]:
        """The nodes, one broadcasting array a coordinate."""
        return tuple(np.meshgrid(*(r.nodes for r in self.bases), indexing="ij", sparse=True))

    @cached_property
    def points(self) -> np.ndarray:
        """Every node, of shape (number of nodes, dimensions), the last coordinate fastest."""
        mesh = np.meshgrid(*(rule.nodes for rule in self.bases), indexing="ij")
        return np.stack([axis.ravel() for axis in mesh], axis=-1)

    @cached_property
    def weights(self) -> np.ndarray:
        """The weight of every node, in the order of `points`."""
        return reduce(np.multiply.outer, (rule.weights for rule in self.bases)).ravel()

    def refined(self, values: Sequence[np.ndarray], tolerance: float) -> "Panelled | None":
        """Return a quadrature with the panels halved that do not resolve some values.

        Args:
            values: arrays of shape `shape` followed by any.
            tolerance: what the last coefficients in a panel may be, relative to the largest value.

        Returns:
            None where every panel resolves them.
        """
        rules, any_cut = [], False
        for axis, rule in enumerate(self.bases):
            tails = np.zeros(len(rule.edges) - 1)
            for array in values:
                flat = array.reshape((*self.shape, -1))
                sizes = np.max(np.abs(flat), axis=tuple(range(flat.ndim - 1)), keepdims=True)
                unit = flat / np.where(sizes > 0.0, sizes, 1.0)
                turned = np.moveaxis(unit, axis, 0).reshape((rule.count, -1))
                tails = np.maximum(tails, np.nan_to_num(rule.tails(turned), nan=np.inf))
            lengths = np.diff(rule.edges)
            coarse = (tails > tolerance) & (lengths > 1e-9 * (rule.upper - rule.lower))
            rules.append(rule.cut(coarse))
            any_cut |= bool(np.any(coarse))
        return Panelled(self.coordinates, tuple(rules)) if any_cut else None

    def halved(self) -> "Panelled":
        """Return the quadrature with every panel halved."""
        rules = [r.cut(np.ones(len(r.edges) - 1, bool)) for r in self.bases]
        return Panelled(self.coordinates, tuple(rules))
