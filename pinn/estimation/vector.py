"""Everything that is to be found, as one vector without bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.series import Series
from pinn.estimation.smoothness import AbstractSmoothness
from pinn.problem.problem import Problem
from pinn.problem.unknowns import Unknown


@dataclass(frozen=True)
class Part:
    """One unknown's place in the vector.

    Args:
        name: what it is called.
        where: its place.
        shape: of its value; of the coefficients, for a function.
        unknown: its bounds and prior; none for a function.
        series: the function's series; none for numbers.
    """

    name: str
    where: slice
    shape: tuple[int, ...]
    unknown: Unknown | None = None
    series: Series | None = None

    @property
    def prior_count(self) -> int:
        """How many rows its prior has."""
        if self.series is not None:
            return 2 * self.series.size
        stated = self.unknown is not None and self.unknown.prior is not None
        return int(np.prod(self.shape)) if stated else 0

    def value(self, free: Float[Array, " size"]) -> Array:
        """Return the value that stands for some free numbers: inside the bounds, whatever they are.

        x = e^z above a lower bound alone, and the logistic function of z between two.
        """
        free = free.reshape(self.shape)
        if self.unknown is None:
            return free
        low, high = self.unknown.bounds
        if np.isfinite(low) and np.isfinite(high):
            return low + (high - low) * jax.nn.sigmoid(free)
        if np.isfinite(low):
            return low + jnp.exp(free)
        return high - jnp.exp(free) if np.isfinite(high) else free

    def free(self, value: Any) -> np.ndarray:
        """Return the free numbers that stand for a value."""
        array = np.broadcast_to(np.asarray(value, dtype=float), self.shape)
        if self.unknown is None:
            return array.ravel()
        low, high = self.unknown.bounds
        if np.isfinite(low) and np.isfinite(high):
            share = (array - low) / (high - low)
            array = np.log(share) - np.log1p(-share)
        elif np.isfinite(low):
            array = np.log(array - low)
        elif np.isfinite(high):
            array = np.log(high - array)
        return array.ravel()


@dataclass(frozen=True, eq=False)
class Vector:
    """The unknowns of a problem as one flat vector z, and back.

    Args:
        problem: whose unknowns.
        parts: each of them.
    """

    problem: Problem
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, problem: Problem, series: Mapping[str, Series]) -> "Vector":
        """Lay out the unknowns of a problem, with the series of its unknown functions."""
        space, parts, start = problem.closed_space, [], 0
        begin = {space.canonical(n): v for n, v in problem.initial.items()}
        for name in problem.unknown_names:
            unknown = problem.unknowns.get(name, begin.get(name))
            if name in series:
                unknown, shape = None, (series[name].size,)
            else:
                assert isinstance(unknown, Unknown)
                shape = unknown.start.shape if name in problem.unknowns else space.shape(name)
            where = slice(start, start + int(np.prod(shape)))
            parts.append(Part(name, where, shape, unknown, series.get(name)))
            start = where.stop
        return cls(problem, tuple(parts))

    def smoothed(self, name: str, smoothness: AbstractSmoothness) -> "Vector":
        """Return the same unknowns with another smoothness of one function."""
        parts = [
            replace(p, series=replace(p.series, smoothness=smoothness))
            if p.name == name and p.series
            else p
            for p in self.parts
        ]
        return Vector(self.problem, tuple(parts))

    @property
    def size(self) -> int:
        """How many numbers are to be found."""
        return self.parts[-1].where.stop

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each number, with its index where its unknown has several."""
        found = []
        for part in self.parts:
            indices = list(np.ndindex(part.shape))
            found += [f"{part.name}{list(i) if i else ''}" for i in indices]
        return tuple(found)

    @cached_property
    def constants(self) -> np.ndarray:
        """Which of the numbers are those of constants and initial values, not of functions."""
        found = np.zeros(self.size, bool)
        for part in self.parts:
            found[part.where] = part.series is None
        return found

    @cached_property
    def start(self) -> Float[np.ndarray, " size"]:
        """The guesses."""
        return np.concatenate(
            [p.series.start if p.series else p.free(_guessed(p)) for p in self.parts]
        )

    def numbers(self, z: Float[Array, " size"]) -> dict[str, Array]:
        """Return each unknown's value, the coefficients where it is a function."""
        return {part.name: part.value(z[part.where]) for part in self.parts}

    def values(self, z: Float[Array, " size"]) -> dict[str, Any]:
        """Return each unknown's value, a function where it is one."""
        found: dict[str, Any] = self.numbers(z)
        for part in self.parts:
            if part.series is not None:
                found[part.name] = part.series.function(found[part.name])
        return found

    def free(self, values: Mapping[str, Any]) -> Float[np.ndarray, " size"]:
        """Return z from the numbers of each unknown."""
        return np.concatenate([part.free(values[part.name]) for part in self.parts])

    def flat(self, z: Float[Array, " size"]) -> Float[Array, " size"]:
        """Return every number in its own units, in the order of `names`."""
        return jnp.concatenate([v.ravel() for v in self.numbers(z).values()])

    def prior_rows(
        self, z: Float[Array, " size"], scales: Mapping[str, Any]
    ) -> Float[Array, " rows"]:
        """Return what the prior asks, in standard deviations: (x − mean)/sd, and P c/τ."""
        rows = []
        for part in self.parts:
            value = part.value(z[part.where])
            if part.series is not None:
                penalty = jnp.asarray(part.series.penalty, z.dtype)
                moved = value - part.series.start
                rows += [penalty @ moved / scales[part.name], moved / part.series.width]
            elif part.unknown is not None and part.unknown.prior is not None:
                mean, deviation = part.unknown.prior
                rows.append((value.ravel() - mean) / deviation)
        return jnp.concatenate(rows) if rows else jnp.zeros((0,), z.dtype)


def _guessed(part: Part) -> np.ndarray:
    assert part.unknown is not None
    return part.unknown.start
