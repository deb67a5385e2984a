"""Measurements: values of jet entries, or of functions of the jet, at points, with their noise."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError, UnknownEntryError, near_matches
from pinn.jets import Jet, on_jets
from pinn.problem.nearby import values_near
from pinn.problem.table import numbers, read_table
from pinn.problem.unknowns import Unknown

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

Loss = Literal["squares", "huber"]
_COMPONENT = re.compile(r"^(\w+)\[(\d+(?:,\s*\d+)*)\]$")


@dataclass(frozen=True)
class Reading:
    """An entry of the jet, or a component of one, as a function of the jet."""

    entry: str
    index: tuple[int, ...] = ()

    def __call__(self, jet: Jet) -> Array:
        """Read the entry."""
        return jet[self.entry][self.index] if self.index else jet[self.entry]


@dataclass(frozen=True)
class Data:
    """Measured values at points, each the truth plus independent normal noise.

    Args:
        points: by coordinate, where; arrays of one length, or one number for all.
        values: by name, what was measured there: an entry of the jet (`"q"`, `"u_x"`), a component
            of one (`"q[0]"`) or a name in `observe`; NaN where nothing was measured.
        noise: its standard deviation, a number, an array like the values, or a dictionary of these
            by name; an `Unknown`, or nothing, where it is to be estimated, for each name by itself.
        observe: by name, functions of the jet that were measured.
        loss: "squares", or "huber" where outliers are to count little (Huber 1964,
            doi:10.1214/aoms/1177703732).

    Raises:
        ProblemError: shapes that do not fit, noise that is not positive, or nothing measured.
    """

    points: Mapping[str, Any]
    values: Mapping[str, Any]
    noise: Any = None
    observe: Mapping[str, Callable[[Jet], Any]] = field(default_factory=dict)
    loss: Loss = "squares"

    def __post_init__(self):
        if not isinstance(self.points, Mapping) or not isinstance(self.values, Mapping):
            raise ProblemError(
                "The measurements of pinn.Data are two dictionaries, as in pinn.Data({'t': times}, "
                "{'q': angles}, noise=0.02)."
            )
        if not isinstance(self.observe, Mapping):
            raise ProblemError(
                "observe= takes a dictionary of functions of the jet, as in {'speed': lambda j: "
                "abs(j.q_t)}."
            )
        for name, function in self.observe.items():
            if not callable(function):
                raise ProblemError(
                    f"observe= gives {name!r} as {function!r}, expected a function of the jet."
                )
        if self.loss not in ("squares", "huber"):
            raise ProblemError(f"loss= is 'squares' or 'huber', got {self.loss!r}.")
        values = {name: numbers(value, name) for name, value in self.values.items()}
        points = {name: numbers(value, name) for name, value in self.points.items()}
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "points", points)
        self._check_noise()

    @classmethod
    def read(
        cls,
        path: str | Path,
        noise: Any = None,
        observe: Mapping[str, Callable[[Jet], Any]] | None = None,
        columns: Sequence[str] | None = None,
        loss: Loss = "squares",
    ) -> "Data":
        """Read a file of comma-separated values whose first line names the columns.

        Columns are coordinates, entries of the jet (`q`, `u_x`, `q[0]`) or names in `observe`; an
        empty cell is a missing value.

        Args:
            path: the file.
            noise: as for `Data`.
            observe: as for `Data`.
            columns: the columns to take; all of them where left out.
            loss: as for `Data`.

        Raises:
            ProblemError: there is no such file or column, or a cell is not a number.
        """
        table = read_table(Path(path))
        chosen = table if columns is None else {}
        for name in columns or ():
            if name not in table:
                raise ProblemError(
                    f"The file {str(path)!r} has no column {name!r}; its columns are "
                    f"{', '.join(table)}{near_matches(name, table)}."
                )
            chosen[name] = table[name]
        return cls({}, chosen, noise, observe or {}, loss)

    @property
    def count(self) -> int:
        """How many points there are."""
        return max((v.shape[0] for v in self.values.values()), default=0)

    def resolved(self, problem: "Problem") -> "Data":
        """Return the same data with their columns sorted into coordinates and values, and checked.

        Raises:
            ProblemError: a column that the problem does not know, a coordinate that is missing, a
                point outside the domain, or a shape that does not fit.
        """
        own = {n: v for n, v in self.values.items() if n in problem.axes}
        data = replace(
            self,
            points={**self.points, **own},
            values={n: v for n, v in self.values.items() if n not in own},
        )
        data._check_names(problem)
        data._check_points(problem)
        data._check_shapes(problem)
        data._check_observed(problem)
        return data

    def function(self, name: str) -> Callable[[Jet], Array]:
        """Return what was measured under a name, as a function of the jet."""
        if name in self.observe:
            return self.observe[name]
        component = _COMPONENT.match(name)
        if component is None:
            return Reading(name)
        return Reading(component[1], tuple(int(i) for i in component[2].split(",")))

    def deviation(self, name: str) -> Float[np.ndarray, "..."] | None:
        """Return the noise's standard deviation, broadcast to the values; None if it is unknown."""
        noise = self.noise.get(name) if isinstance(self.noise, Mapping) else self.noise
        if noise is None or isinstance(noise, Unknown):
            return None
        given = np.asarray(noise, dtype=float)
        values = self.values[name]
        if given.ndim and given.ndim < values.ndim:
            given = given.reshape(given.shape + (1,) * (values.ndim - given.ndim))
        return np.broadcast_to(given, values.shape)

    def _check_noise(self) -> None:
        given = self.noise if isinstance(self.noise, Mapping) else {"": self.noise}
        for name, noise in given.items():
            if name and name not in self.values:
                raise ProblemError(
                    f"noise= names {name!r}, which is not measured; measured are "
                    f"{', '.join(self.values)}{near_matches(name, self.values)}."
                )
            if noise is None or isinstance(noise, Unknown):
                continue
            try:
                array = np.asarray(noise, dtype=float)
            except (TypeError, ValueError) as error:
                raise ProblemError(f"noise= is not a number: {noise!r}.") from error
            if not np.all(np.isfinite(array) & (array > 0.0)):
                raise ProblemError(
                    "noise= is the standard deviation of the measurements and must be positive, "
                    f"got {np.min(array):g}: leave it out to have it estimated."
                )
            try:
                for key in [name] if name else self.values:
                    self.deviation(key)
            except ValueError as error:
                raise ProblemError(
                    f"noise= has shape {array.shape}, which does not fit the values: give a "
                    "number, or an array of their shape."
                ) from error

    def _check_names(self, problem: "Problem") -> None:
        known = [*problem.axes, *problem.fields, *self.observe]
        for name in self.observe:
            if name in problem.axes:
                raise ProblemError(f"observe= names {name!r}, which is a coordinate: rename it.")
        for name in self.points:
            if name not in problem.axes:
                raise ProblemError(
                    f"The data are at points of {name!r}, which is not a coordinate of "
                    f"{problem.name!r}; those are {', '.join(problem.axes)}."
                )
        if not self.values:
            raise ProblemError(
                f"The data for {problem.name!r} hold no values: give values= by name, as "
                f"{{{next(iter(problem.fields))!r}: measured}}."
            )
        for name in self.values:
            if name in self.observe:
                continue
            component = _COMPONENT.match(name)
            try:
                problem.closed_space.canonical(component[1] if component else name)
            except UnknownEntryError as error:
                raise ProblemError(
                    f"The data hold {name!r}, which is no coordinate or entry of "
                    f"{problem.name!r}{near_matches(name, known)}: name a coordinate "
                    f"({', '.join(problem.axes)}), an entry such as "
                    f"{next(iter(problem.fields))!r}, or a function in observe=; or choose with "
                    "columns=."
                ) from error
        missing = [c for c in problem.axes if c not in self.points]
        if missing:
            raise ProblemError(
                f"The data for {problem.name!r} do not say at which {missing[0]!r} they were "
                "measured: give it in points=, or as a column."
            )

    def _check_points(self, problem: "Problem") -> None:
        for name, axis in problem.axes.items():
            at = np.broadcast_to(self.points[name], (self.count,)) if self._fits(name) else None
            if at is None:
                shape = self.points[name].shape
                raise ProblemError(
                    f"The points of {name!r} have shape {shape} for {self.count} measurements: "
                    f"give one number for each, of shape ({self.count},)."
                )
            if np.any(np.isnan(at)):
                raise ProblemError(
                    f"The data for {problem.name!r} do not say at which {name!r} "
                    f"{np.sum(np.isnan(at))} of {self.count} measurements were made (NaN): leave "
                    "them out."
                )
            outside = ~((at >= axis.lower) & (at <= axis.upper))
            if np.any(outside):
                raise ProblemError(
                    f"Outside the domain of {problem.name!r} lie {np.sum(outside)} of {self.count} "
                    f"measurements, as {name} = {at[outside][0]:g}, which is not in "
                    f"[{axis.lower:g}, {axis.upper:g}]: widen axes=, or leave them out."
                )

    def _fits(self, name: str) -> bool:
        return self.points[name].shape in ((1,), (self.count,))

    def _check_observed(self, problem: "Problem") -> None:
        """Evaluate what was observed, as long as nothing has been put in place of an unknown."""
        if problem.values:
            return
        known = values_near(problem, seed=0) if self.observe else {}
        for name in self.values:
            if name not in self.observe:
                continue
            function = problem.bound_function(self.observe[name], known)
            what = f"function {name!r} in observe="
            found = jax.tree.leaves(on_jets(problem.closed_space, function, what).result)
            shape, values = [leaf.shape for leaf in found], self.values[name]
            if shape != [values.shape[1:]]:
                raise ProblemError(
                    f"The {what} returns arrays of shapes {shape} at a point, but the values of "
                    f"{name!r} have shape {values.shape}: expected one array of shape "
                    f"{values.shape[1:]}."
                )

    def _check_shapes(self, problem: "Problem") -> None:
        for name, values in self.values.items():
            if values.shape[0] != self.count:
                raise ProblemError(
                    f"The data have {values.shape[0]} values of {name!r} and {self.count} of "
                    "others: give arrays of one length, with NaN where a value is missing."
                )
            if not np.any(np.isfinite(values)):
                raise ProblemError(f"The data hold no value of {name!r} at all: leave it out.")
            component = _COMPONENT.match(name)
            if name in self.observe:
                continue
            shape = problem.closed_space.shape(component[1] if component else name)
            index = tuple(int(i) for i in component[2].split(",")) if component else ()
            if component and (
                len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True))
            ):
                raise ProblemError(
                    f"The data hold {name!r}, but {component[1]!r} has the shape {shape}."
                )
            if values.shape[1:] != (() if component else shape):
                raise ProblemError(
                    f"The values of {name!r} have shape {values.shape}, expected "
                    f"{(self.count, *(() if component else shape))}: one row for each measurement."
                )
