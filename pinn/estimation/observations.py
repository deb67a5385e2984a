"""What was measured, as rows of least squares: (predicted − measured) / noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.jets import Jet
from pinn.problem.problem import Problem

# The part of a normal distribution that Huber's loss counts as squares, for 95 % efficiency.
HUBER = 1.345
# The standard deviation of a normal distribution over its median of absolute values.
MEDIAN = 1.4826


@dataclass(frozen=True, eq=False)
class Column:
    """The measurements of one name in one set of data.

    Args:
        data: which set, by its place.
        name: what was measured.
        index: the places of what is not missing, in the flattened values.
        values: the measured values, flat, without missing ones.
        deviation: the noise of each; None where it is to be estimated.
        robust: whether outliers count little.
    """

    data: int
    name: str
    index: np.ndarray
    values: np.ndarray
    deviation: np.ndarray | None
    robust: bool

    def rows(self, predicted: Float[Array, " values"], estimated: Array) -> Float[Array, " values"]:
        """Return (predicted − measured) / noise, shrunk beyond HUBER where outliers count little.

        Args:
            predicted: the values as predicted.
            estimated: the noise, where it was not given.
        """
        noise = estimated if self.deviation is None else jnp.asarray(self.deviation)
        rows = (predicted - self.values) / noise
        return huber(rows) if self.robust else rows

    @property
    def spread(self) -> float:
        """The standard deviation of the values; where outliers count little, from the median."""
        if not self.robust:
            return float(np.std(self.values))
        return MEDIAN * float(np.median(np.abs(self.values - np.median(self.values))))

    def size(self, rows: Float[np.ndarray, " values"], freedom: float) -> float:
        """Return the root mean square of what is left, in units of the noise.

        Where outliers count little it is that of a normal distribution with the same median of
        absolute values (Huber 1981, Robust Statistics, section 5.1, doi:10.1002/0471725250).

        Args:
            rows: as `rows` returned them.
            freedom: how many of them are left over by the unknowns.
        """
        if not self.robust:
            return float(np.sqrt(np.sum(rows**2) / freedom))
        far = np.abs(rows) > HUBER
        left = np.where(far, (rows**2 + HUBER**2) / (2.0 * HUBER), np.abs(rows))
        return MEDIAN * float(np.median(left)) * float(np.sqrt(len(rows) / freedom))


def huber(rows: Float[Array, " rows"]) -> Float[Array, " rows"]:
    """Return rows whose half squares are Huber's loss: r, and ±√(2k|r| − k²) beyond k."""
    size = jnp.abs(rows)
    beyond = size > HUBER
    far = jnp.sqrt(2.0 * HUBER * jnp.where(beyond, size, HUBER) - HUBER**2)
    return jnp.where(beyond, jnp.sign(rows) * far, rows)


@dataclass(frozen=True)
class Request:
    """Functions of the jet at points.

    Args:
        points: one array a coordinate, in the axes' order.
        functions: of the jet, where the problem's unknowns may be entries.
    """

    points: tuple[np.ndarray, ...]
    functions: tuple[Callable[[Jet], Any], ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells two requests apart: a program that serves one serves its equal."""
        return (*(point.tobytes() for point in self.points), self.functions)


@dataclass(frozen=True, eq=False)
class Observations:
    """All measurements of a problem.

    Args:
        problem: whose.
        columns: what was measured, name by name.
    """

    problem: Problem
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, problem: Problem) -> "Observations":
        """Gather the data of a problem."""
        columns = []
        for place, data in enumerate(problem.data):
            for name, values in data.values.items():
                index = np.flatnonzero(np.isfinite(values.ravel()))
                noise = data.deviation(name)
                noise = None if noise is None else noise.ravel()[index]
                robust = data.loss == "huber"
                columns.append(Column(place, name, index, values.ravel()[index], noise, robust))
        return cls(problem, tuple(columns))

    @property
    def count(self) -> int:
        """How many numbers were measured."""
        return sum(column.values.size for column in self.columns)

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """What is asked of a solver: every name at the points of each set of data, in order."""
        found = []
        for place, data in enumerate(self.problem.data):
            at = tuple(np.broadcast_to(data.points[c], (data.count,)) for c in self.problem.axes)
            names = [column.name for column in self.columns if column.data == place]
            found.append(Request(at, tuple(data.function(name) for name in names)))
        return tuple(found)

    def chosen(self, values: Sequence[Any]) -> list[Any]:
        """Return those of the requested values that were measured, flat, column by column."""
        return [v.reshape(-1)[c.index] for c, v in zip(self.columns, values, strict=True)]

    def rows(
        self, predictions: Sequence[Array], noise: Mapping[int, Array]
    ) -> Float[Array, " rows"]:
        """Return every row, from the predictions of each column and the estimated noise."""
        one = jnp.ones(())
        return jnp.concatenate(
            [
                column.rows(predicted, noise.get(i, one))
                for i, (column, predicted) in enumerate(zip(self.columns, predictions, strict=True))
            ]
        )

    @property
    def estimated(self) -> tuple[int, ...]:
        """The places of the columns whose noise is to be estimated."""
        return tuple(i for i, column in enumerate(self.columns) if column.deviation is None)
