"""What the data say of the unknowns: estimates, how sure they are, and what is not told."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.stats import chi2, norm, t

from pinn.errors import ProblemError, near_matches
from pinn.estimation.fit import Optimum, triangular_inverse
from pinn.estimation.fitting import Fitting
from pinn.estimation.identify import undetermined
from pinn.estimation.model import AbstractModel
from pinn.estimation.observations import Observations, Request
from pinn.estimation.vector import Vector
from pinn.jets import Jet
from pinn.precision import arithmetic
from pinn.problem.data import Reading

# Where χ² per degree of freedom is further from one than so many standard deviations, the model is
# wrong for the noise.
FAR = 3.0


@dataclass(frozen=True, eq=False)
class Posterior:
    """The distribution of the unknowns given the data, normal about the estimate.

    The unknowns are transformed so that bounds never bind (z = ln(x − lower) and such); in z the
    posterior is normal with the covariance (RᵀR)⁻¹, R being the triangular factor of the Jacobian
    of the weighted rows at the estimate; intervals are those of z, transformed.

    Args:
        vector: the unknowns.
        observations: what was measured.
        fit: the estimate.
        solver: makes what predicts at any points; made when first asked for.
    """

    vector: Vector
    observations: Observations
    fit: Optimum
    solver: Callable[[], AbstractModel]

    @cached_property
    def fitting(self) -> Fitting:
        """The least-squares problem."""
        with arithmetic("float64"):
            return Fitting(self.solver())

    @cached_property
    def estimate(self) -> dict[str, Any]:
        """Each unknown's estimate; a function of its arguments for an unknown function."""
        with arithmetic("float64"):
            values = self.vector.values(jnp.asarray(self.fit.z))
        return {n: v if callable(v) else _plain(np.asarray(v)) for n, v in values.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number, in the order of `covariance`."""
        return self.vector.names

    @cached_property
    def covariance(self) -> Float[np.ndarray, "size size"]:
        """The covariance of all numbers in their own units, to first order."""
        root = self._slope @ self._inverse
        return root @ root.T

    @cached_property
    def correlation(self) -> Float[np.ndarray, "size size"]:
        """The correlation of all numbers."""
        deviation = np.sqrt(np.diag(self.covariance))
        return self.covariance / np.outer(deviation, deviation)

    @cached_property
    def std(self) -> dict[str, Any]:
        """The standard deviation of each unknown."""
        deviation = np.sqrt(np.diag(self.covariance))
        return {p.name: _plain(deviation[p.where].reshape(p.shape)) for p in self.vector.parts}

    def interval(self, name: str, level: float = 0.95) -> tuple[Any, Any]:
        """Return the interval that holds an unknown with a probability of `level`.

        Quantiles are Student's where noise was estimated.

        Raises:
            ProblemError: there is no such unknown.
        """
        part = self._part(name)
        deviation = np.linalg.norm(self._inverse[part.where], axis=1)
        half = self._quantile(level) * deviation
        with arithmetic("float64"):
            ends = [
                np.asarray(part.value(jnp.asarray(self.fit.z[part.where] + sign * half)))
                for sign in (-1.0, 1.0)
            ]
        return _plain(np.minimum(*ends)), _plain(np.maximum(*ends))

    def sample(self, count: int, seed: int = 0) -> dict[str, Float[np.ndarray, "count ..."]]:
        """Return independent draws of every unknown, the coefficients where it is a function."""
        z = self._draws(count, seed)
        with arithmetic("float64"):
            found = [self.vector.numbers(jnp.asarray(one)) for one in z]
        return {n: np.stack([np.asarray(one[n]) for one in found]) for n in found[0]}

    def band(
        self, function: str | Callable[[Jet], Any], *coordinates: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of a function of the jet at points.

        Args:
            function: the name of a jet's entry or of an unknown function of coordinates, or a
                function of the jet, which may read the unknowns.
            coordinates: one broadcasting array a coordinate, in the axes' order; of an unknown
                function's own coordinates where its name is given.
        """
        part = next((p for p in self.vector.parts if p.name == function and p.series), None)
        if part is not None:
            return self._function_band(part, coordinates)
        chosen = Reading(function) if isinstance(function, str) else function
        points = np.broadcast_arrays(*map(np.asarray, coordinates))
        request = Request(tuple(p.ravel().astype(float) for p in points), (chosen,))
        with arithmetic("float64"):
            values, slopes = self.fitting.model.predictions(self.fit.z, [request])
        deviation = np.linalg.norm(slopes[0] @ self._inverse, axis=-1)
        return _shaped(values[0], points[0].shape), _shaped(deviation, points[0].shape)

    def plot(self) -> Any:
        """Return a matplotlib figure: densities and pairs of constants, bands of functions.

        Raises:
            PinnError: matplotlib is not installed.
        """
        from pinn.figures.posterior import posterior_figure

        return posterior_figure(self)

    @property
    def noise(self) -> dict[str, float]:
        """The noise that was estimated, by what was measured."""
        columns = self.observations.columns
        return {columns[i].name: value for i, value in self.fit.noise.items()}

    @property
    def chi_squared(self) -> float:
        """Σ ((predicted − measured)/noise)²."""
        return self.fit.chi_squared

    @property
    def freedom(self) -> float:
        """Measurements less the unknowns that they determine, N − p_eff."""
        return self.observations.count - self.fit.effective

    @property
    def misfit(self) -> str:
        """A sentence where the model is wrong for the noise that was given, else nothing."""
        robust = any(column.robust for column in self.observations.columns)
        if self.fit.noise or robust or self.freedom < 1.0:  # outliers are no fault of the model
            return ""
        reduced = self.chi_squared / self.freedom
        spread = np.sqrt(2.0 / self.freedom)
        if abs(reduced - 1.0) <= FAR * spread:
            return ""
        odds = chi2.sf(self.chi_squared, self.freedom)
        if reduced < 1.0:
            return (
                f"The data are closer to the model than their noise allows: χ² per degree of "
                f"freedom is {reduced:.3g}, expected 1 ± {spread:.2g}; the noise is probably given "
                f"{1.0 / np.sqrt(reduced):.2g} times too large, and so are the intervals."
            )
        return (
            f"The model does not explain the data: χ² per degree of freedom is {reduced:.3g}, "
            f"expected 1 ± {spread:.2g} (probability {odds:.1g}); a term is missing from the "
            f"equation, or the noise is {np.sqrt(reduced):.2g} times as large as given, and the "
            "intervals are too narrow."
        )

    @cached_property
    def undetermined(self) -> tuple[str, ...]:
        """Sentences on the combinations of unknowns that the data do not tell."""
        return undetermined(self.vector, self.fit)

    def profile(self, name: str, values: ArrayLike) -> Float[np.ndarray, " values"]:
        """Return the least χ² with an unknown held at each of some values, less the least of all.

        The unknown lies with 95 % where this is below 3.84, however far from normal the posterior
        is (Venzon & Moolgavkar 1988, doi:10.2307/2347496).

        Raises:
            ProblemError: there is no such unknown, or it has several numbers.
        """
        part = self._part(name)
        if part.where.stop - part.where.start != 1:
            raise ProblemError(f"profile takes an unknown that is one number, {name!r} is not.")
        return self.fitting.profile(self.fit, part, np.atleast_1d(np.asarray(values, float)))

    def logdensity(self, z: Any) -> Any:
        """Return the logarithm of the posterior's density at z, up to a constant: −½ |rows|².

        z is the unknowns without bounds, in which the prior is as stated; for mechanics it is a
        function that JAX transforms, as samplers need it.
        """
        return self.fitting.logdensity(z, self.fit)

    def to_arviz(self, count: int = 1000, seed: int = 0) -> Any:
        """Return draws of the posterior for ArviZ, which must be installed.

        Raises:
            ProblemError: it is not.
        """
        try:
            arviz = importlib.import_module("arviz")
        except ImportError as error:
            raise ProblemError("to_arviz needs ArviZ: pip install arviz.") from error
        draws = {name: values[None] for name, values in self.sample(count, seed).items()}
        return (
            arviz.from_dict(posterior=draws)
            if hasattr(arviz, "InferenceData")
            else (arviz.from_dict({"posterior": draws}))
        )

    def table(self, level: float = 0.95) -> str:
        """Return estimates, deviations and intervals as a table in plain text."""
        rows = [("", "estimate", "std", f"{100 * level:g} % interval")]
        for part in self.vector.parts:
            if part.series is not None:
                rows.append((part.name, "a function", "", ""))
                continue
            low, high = (np.ravel(end) for end in self.interval(part.name, level))
            value, deviation = np.ravel(self.estimate[part.name]), np.ravel(self.std[part.name])
            for i, index in enumerate(np.ndindex(part.shape)):
                label = f"{part.name}{list(index) if index else ''}"
                cells = f"{value[i]:.8g}", f"{deviation[i]:.2g}", f"{low[i]:.6g} … {high[i]:.6g}"
                rows.append((label, *cells))
        rows += [(f"noise of {name}", f"{value:.4g}", "", "") for name, value in self.noise.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
        lines.insert(1, "  ".join("-" * w for w in widths))
        said = (self.misfit, *self.undetermined)
        return "\n".join([*lines, *(s for s in said if s)])

    def __repr__(self) -> str:
        pairs = (
            f"{n} = {np.round(self.estimate[n], 6)} ± {np.array2string(np.asarray(s), precision=2)}"
            for n, s in self.std.items()
            if not callable(self.estimate[n])
        )
        return f"Posterior({', '.join(pairs)})"

    @cached_property
    def _inverse(self) -> Float[np.ndarray, "size size"]:
        return triangular_inverse(self.fit.factor)

    @cached_property
    def _slope(self) -> Float[np.ndarray, "size size"]:
        """How the numbers in their own units move with z."""
        with arithmetic("float64"):
            return np.asarray(jax.jacfwd(self.vector.flat)(jnp.asarray(self.fit.z)))

    def _quantile(self, level: float) -> float:
        if not 0.0 < level < 1.0:
            raise ProblemError(f"level= is a probability between 0 and 1, got {level}.")
        share = 0.5 + 0.5 * level
        return float(t.ppf(share, max(self.freedom, 1.0)) if self.fit.noise else norm.ppf(share))

    def _draws(self, count: int, seed: int) -> Float[np.ndarray, "count size"]:
        draws = np.random.default_rng(seed).normal(size=(count, self.fit.z.size))
        return self.fit.z + draws @ self._inverse.T

    def _part(self, name: str) -> Any:
        for part in self.vector.parts:
            if part.name == name:
                return part
        known = [part.name for part in self.vector.parts]
        raise ProblemError(
            f"There is no unknown {name!r}; they are {', '.join(known)}{near_matches(name, known)}."
        )

    def _function_band(self, part: Any, coordinates: tuple) -> tuple[np.ndarray, np.ndarray]:
        points = np.broadcast_arrays(*(np.asarray(c, float) for c in coordinates))
        columns = [jnp.asarray(p.ravel()) for p in points]
        with arithmetic("float64"):
            at = lambda c: jax.vmap(part.series.function(c))(*columns)  # noqa: E731
            here = jnp.asarray(self.fit.z[part.where])
            value, slope = np.asarray(at(here)), np.asarray(jax.jacfwd(at)(here))
        deviation = np.linalg.norm(slope @ self._inverse[part.where], axis=-1)
        return _shaped(value, points[0].shape), _shaped(deviation, points[0].shape)


def _shaped(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.reshape(values, shape + values.shape[1:])


def _plain(value: np.ndarray) -> Any:
    return float(value) if value.ndim == 0 else value
