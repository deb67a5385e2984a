"""Least squares over the unknowns, with the noise and smoothness that are estimated too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.descent import descended
from pinn.estimation.fit import Fit, Optimum, step_left
from pinn.estimation.model import AbstractModel
from pinn.estimation.observations import Observations
from pinn.estimation.smoothness import AbstractSmoothness
from pinn.estimation.vector import Part, Vector
from pinn.watch import Watch

ROUNDS, WEIGHINGS, REFINEMENTS = 6, 200, 8
# Noise and smoothness are found when they change by less than this share.
SETTLED = 3e-2
# A step is the last where χ² falls by less than about this.
GAIN = 1e-4
# A step is the last where what is left after it is below so many standard deviations.
STILL = 1e-3
# What the data do not tell stays at the guess, by rows that weigh nothing beside the data.
TETHER = 1e-6


@dataclass(frozen=True, eq=False)
class Fitting:
    """The least-squares problem of the unknowns of a problem.

    Args:
        model: what is predicted for the data.
        watch: shows how far the search is, and ends it out of time.
    """

    model: AbstractModel
    watch: Watch = field(default_factory=Watch)

    @property
    def vector(self) -> Vector:
        """The unknowns."""
        return self.model.vector

    @property
    def observations(self) -> Observations:
        """The data."""
        return self.model.observations

    def fit(self, start: Float[np.ndarray, " size"], scales: Mapping[str, float]) -> Fit:
        """Return the estimate, with noise and smoothness scales estimated along.

        Noise that is not given is the root mean square of what is left, with N − p_eff degrees of
        freedom; the scale of a function's prior is that of largest evidence, τ² = |P c|²/p_eff
        (MacKay 1992, eq. 4.10, doi:10.1162/neco.1992.4.3.415). Both are repeated until they settle.
        """
        noise = self._first_noise()
        found = self._solved(start, noise, scales)
        for _ in range(ROUNDS):
            further = self._weighed(found)
            settled = _settled(found.noise, further.noise) and _settled(
                found.scales, further.scales
            )
            if settled and (found.converged or not found.plausible):  # else it is on its way
                break
            near = further.z if self.solvable(further.z) else found.z
            again = self._solved(near, further.noise, further.scales)
            found = replace(again, evaluations=found.evaluations + again.evaluations)
        spread = self._first_noise()  # a tenth of it
        explained = all(value < spread[i] for i, value in found.noise.items())
        return replace(found, explained=explained, likelihood=self._likelihood(found))

    def _likelihood(self, fit: Fit) -> float:
        """Return the logarithm of the likelihood up to a constant, by which fits are compared.

        Where outliers count little that is of their robust size alone, which they do not change.
        """
        total, start = 0.0, 0
        for i, column in enumerate(self.observations.columns):
            rows = fit.rows[start : (start := start + column.values.size)]
            noise = fit.noise.get(i, 1.0)
            if column.robust:
                noise *= max(column.size(rows, len(rows)), 1e-300)
            else:
                total -= 0.5 * float(np.sum(rows**2))
            total -= len(rows) * float(np.log(noise))
        return total

    def refined(self, fit: Fit, finer: AbstractModel) -> Fit | None:
        """Return a fit's estimate as a finer model has it; None where that does not converge.

        The finer model gives the rows and this one their Jacobian, so that the finer one is solved
        a few times and never differentiated: what is left shrinks by the Jacobian's relative error
        each time. The Jacobian that is returned is this model's.
        """
        z, last = fit.z, np.inf
        for count in range(REFINEMENTS):
            rows = self._refined_rows(finer, z, fit)
            if not np.all(np.isfinite(rows)):
                return None
            found = replace(fit, z=z, rows=rows, evaluations=fit.evaluations + count + 1)
            left, step = step_left(found)
            found = replace(found, left=left, step=step)
            if found.converged:
                return self._reweighted(found, self._noise(found), found.scales)
            if left > 0.5 * last:
                return None
            last = left
            z = z - np.linalg.lstsq(fit.jacobian, rows, rcond=None)[0]
        return None

    def smoother(self, fit: Fit, candidates: Sequence[AbstractSmoothness]) -> "tuple[Fitting, Fit]":
        """Return the smoothness of each function that has the largest evidence.

        To first order about a fit, log Z = −½|rows|² − log|det R| + log|det prior|.
        """
        best = self, fit
        for part in self.vector.parts:
            if part.series is None:
                continue
            found = []
            for smoothness in candidates:
                vector = best[0].vector.smoothed(part.name, smoothness)
                fitting = replace(self, model=replace(self.model, vector=vector))
                weighed = fitting._weighed(fitting._with_prior(best[1]))
                found.append((fitting.evidence(weighed), fitting, weighed))
            best = max(found, key=lambda one: one[0])[1:]
        return best

    def evidence(self, fit: Fit) -> float:
        """Return the logarithm of the evidence, up to a constant, to first order."""
        diagonal = np.abs(np.diag(fit.factor))
        series = {p.name: p.series for p in self.vector.parts if p.series is not None}
        prior = sum(one.log_prior(fit.scales[name]) for name, one in series.items())
        return -0.5 * float(np.sum(fit.rows**2)) - float(np.sum(np.log(diagonal))) + prior

    def _with_prior(self, fit: Fit) -> Fit:
        """Return a fit with this problem's rows of the prior in place of another's."""
        prior, z = self._prior(fit.scales), jnp.asarray(fit.z)
        rows = np.concatenate([fit.rows[: fit.data_rows], np.asarray(prior(z))])
        slopes = np.asarray(jax.jacfwd(prior)(z)).reshape(-1, z.size)
        jacobian = np.concatenate([fit.jacobian[: fit.data_rows], slopes])
        return replace(fit, rows=rows, jacobian=jacobian)

    def _weighed(self, fit: Fit) -> Fit:
        """Return a fit to first order, with the noise and scales that it settles at.

        The rows are taken to be linear in the unknowns, so that nothing is solved anew.
        """
        for _ in range(WEIGHINGS if fit.noise or fit.scales else 0):
            move = -np.linalg.lstsq(fit.jacobian, fit.rows, rcond=None)[0]
            fit = replace(fit, z=fit.z + move, rows=fit.rows + fit.jacobian @ move)
            noise, scales = self._noise(fit), self._scales(fit)
            settled = _settled(fit.noise, noise) and _settled(fit.scales, scales)
            fit = self._reweighted(fit, noise, scales)
            if settled:
                break
        return fit

    def _reweighted(self, fit: Fit, noise: Mapping[int, float], scales: Mapping[str, float]) -> Fit:
        """Return a fit whose rows are in units of another noise and other scales."""
        shares = np.ones(len(fit.rows))
        start = 0
        for i, column in enumerate(self.observations.columns):
            stop = start + column.values.size
            if i in noise:
                shares[start:stop] = fit.noise[i] / noise[i]
            start = stop
        for part in self.vector.parts:
            stop = start + part.prior_count
            if part.series is not None:
                rough = slice(start, start + part.series.size)
                shares[rough] = fit.scales[part.name] / scales[part.name]
            start = stop
        rows, jacobian = shares * fit.rows, shares[:, None] * fit.jacobian
        return replace(fit, rows=rows, jacobian=jacobian, noise=dict(noise), scales=dict(scales))

    def _refined_rows(self, finer: AbstractModel, z: np.ndarray, fit: Fit) -> np.ndarray:
        self.watch("refining the unknowns")
        predicted = finer.values(z)
        given = [jnp.asarray(p) for p in predicted]
        noise = {i: jnp.asarray(value) for i, value in fit.noise.items()}
        rows = self.observations.rows(given, noise)
        return np.concatenate(
            [np.asarray(rows), np.asarray(self._prior(fit.scales)(jnp.asarray(z)))]
        )

    def _prior(self, scales: Mapping[str, float]) -> Callable[[Array], Array]:
        tether = TETHER * self.vector.constants

        def prior(z: Array) -> Array:
            near = tether * (z - self.vector.start)
            return jnp.concatenate([self.vector.prior_rows(z, scales), near])

        return prior

    def profile(self, fit: Optimum, part: Part, values: Float[np.ndarray, " values"]) -> np.ndarray:
        """Return |rows|² at its least with one unknown held at each of some values.

        The others are found anew for each, from what they are for the neighbouring value.
        """
        found = np.empty(len(values))
        frees = [part.free(value) for value in values]
        first = int(np.argmin([abs(f[0] - fit.z[part.where][0]) for f in frees]))
        for order in (range(first, len(values)), range(first - 1, -1, -1)):
            z = fit.z
            for i in order:
                z, found[i] = self._held(fit, part, frees[i], z)
        return found - fit.loss

    def _held(self, fit: Optimum, part: Part, free: np.ndarray, z: np.ndarray) -> tuple:
        rest = np.setdiff1d(np.arange(z.size), np.arange(part.where.start, part.where.stop))

        def whole(y: np.ndarray) -> np.ndarray:
            full = np.array(z)
            full[part.where], full[rest] = free, y
            return full

        def at(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows, jacobian = self._rows(whole(y), fit.noise, fit.scales)
            return rows, jacobian[:, rest]

        if not rest.size:
            return whole(z[rest]), float(np.sum(at(z[rest])[0] ** 2))
        y, rows, *_ = descended(at, z[rest], max_nfev=40)
        return whole(y), float(np.sum(rows**2))

    def logdensity(self, z: Array, fit: Optimum) -> Array:
        """Return −½ |rows|² at z, with noise and scales as they were estimated."""
        predicted = self.model.traced(z)
        noise = {i: jnp.asarray(value) for i, value in fit.noise.items()}
        rows = self.observations.rows(predicted, noise)
        prior = self.vector.prior_rows(z, fit.scales)
        return -0.5 * (jnp.sum(rows**2) + jnp.sum(prior**2))

    def solvable(self, z: Float[np.ndarray, " size"]) -> bool:
        """Tell whether the equation can be solved up to the data with some unknowns."""
        return all(np.all(np.isfinite(values)) for values in self.model.measured(z)[0])

    def _first_noise(self) -> dict[int, float]:
        """Return a tenth of the spread of each column whose noise is not given."""
        columns = self.observations.columns
        spread = {i: columns[i].spread for i in self.observations.estimated}
        return {i: 0.1 * s or 1.0 for i, s in spread.items()}

    def _solved(
        self, start: np.ndarray, noise: Mapping[int, float], scales: Mapping[str, float]
    ) -> Fit:
        count = self.observations.count
        tolerances = {"ftol": GAIN / count, "xtol": 1e-11, "gtol": 1e-15, "max_nfev": 60}
        ended = descended(lambda z: self._rows(z, noise, scales), start, STILL, **tolerances)
        z, rows, jacobian, evaluations = ended
        found = Fit(z, rows, jacobian, count, dict(noise), dict(scales), evaluations)
        left, step = step_left(found)
        return replace(found, left=left, step=step)

    def _rows(
        self, z: np.ndarray, noise: Mapping[int, float], scales: Mapping[str, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        self.watch("finding the unknowns")
        predicted, slopes = self.model.measured(z)
        rows, pulled = [], []
        for i, column in enumerate(self.observations.columns):
            at = lambda p, c=column, i=i: c.rows(p, jnp.asarray(noise.get(i, 1.0)))  # noqa: E731
            value, slope = jax.jvp(at, (jnp.asarray(predicted[i]),), (jnp.ones_like(predicted[i]),))
            rows.append(np.asarray(value))
            pulled.append(np.asarray(slope)[:, None] * np.asarray(slopes[i]))
        prior = self._prior(scales)
        rows.append(np.asarray(prior(jnp.asarray(z))))
        pulled.append(np.asarray(jax.jacfwd(prior)(jnp.asarray(z))).reshape(-1, z.size))
        return np.concatenate(rows), np.concatenate(pulled)

    def _noise(self, fit: Fit) -> dict[int, float]:
        """Return the noise of each column whose noise is not given, from what is left of it."""
        found, start = {}, 0
        for i, column in enumerate(self.observations.columns):
            stop = start + column.values.size
            if i in fit.noise:
                freedom = column.values.size - np.sum(fit.leverage[start:stop])
                rows = fit.rows[start:stop]
                share = column.size(rows, max(freedom, 1e-3 * column.values.size))
                size = float(np.sqrt(np.mean(column.values**2))) or 1.0
                found[i] = max(float(share) * fit.noise[i], self.model.accuracy * size)
            start = stop
        return found

    def _scales(self, fit: Fit) -> dict[str, float]:
        """Return the scale of each function's prior of largest evidence."""
        found, start = {}, fit.data_rows
        for part in self.vector.parts:
            stop = start + part.prior_count
            if part.series is not None:
                # What the prior determines is the rest of what the data do.
                rough = slice(start, start + part.series.size)
                determined = part.series.rank - np.sum(fit.leverage[rough])
                size = np.sum(fit.rows[rough] ** 2) * fit.scales[part.name] ** 2
                found[part.name] = float(np.sqrt(max(size, 1e-30) / max(determined, 1e-2)))
            start = stop
        return found


def _settled(before: Mapping[Any, float], after: Mapping[Any, float]) -> bool:
    return all(abs(np.log(after[n] / before[n])) < SETTLED for n in before)
