"""The least-squares estimate of the unknowns, and how far it is to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr, solve_triangular

# A fit has converged where the step that is left is below this share of a standard deviation.
LEFT = 2e-2
ROUNDED = 1e-9


@dataclass(frozen=True, eq=False)
class Fit:
    """The least-squares estimate of the unknowns.

    Args:
        z: the unknowns, without bounds.
        rows: the weighted rows there: of the data, then of the prior.
        jacobian: of the rows.
        data_rows: how many of them are the data's.
        noise: the estimated noise, by column.
        scales: the smoothness scale of each unknown function.
        evaluations: how many times the model was evaluated.
        left: the step that is left, in standard deviations.
        step: the same, relative to the unknowns.
        explained: whether the estimated noise is below a tenth of the spread of the data.
        likelihood: the logarithm of the data's likelihood, up to a constant.
    """

    z: Float[np.ndarray, " size"]
    rows: Float[np.ndarray, " rows"]
    jacobian: Float[np.ndarray, "rows size"]
    data_rows: int
    noise: Mapping[int, float]
    scales: Mapping[str, float]
    evaluations: int
    left: float = np.inf
    step: float = np.inf
    explained: bool = True
    likelihood: float = -np.inf

    @property
    def factor(self) -> Float[np.ndarray, "size size"]:
        """R of the Jacobian's QR factors: the covariance is (RᵀR)⁻¹."""
        return qr(self.jacobian, mode="r", check_finite=False)[0][: self.z.size]

    @cached_property
    def leverage(self) -> Float[np.ndarray, " rows"]:
        """How many unknowns each row determines, |Q_row|²."""
        q = qr(self.jacobian, mode="economic", check_finite=False)[0]
        return np.sum(q**2, axis=1)

    @property
    def effective(self) -> float:
        """How many unknowns the data determine, |Q_data|²."""
        return float(np.sum(self.leverage[: self.data_rows]))

    @property
    def chi_squared(self) -> float:
        """Σ ((predicted − measured)/noise)² over the data."""
        return float(np.sum(self.rows[: self.data_rows] ** 2))

    @property
    def plausible(self) -> bool:
        """Whether the model explains the data, as far as their noise is known.

        Where noise is estimated, it is not if what is left is as large as what was measured.
        """
        freedom = max(self.data_rows - self.effective, 1.0)
        reduced = self.chi_squared / freedom
        return reduced < 1.0 + 5.0 * np.sqrt(2.0 / freedom) and self.explained

    @property
    def converged(self) -> bool:
        """Whether the step that is left is far below a standard deviation, or is rounding."""
        return self.left < LEFT or self.step < ROUNDED


@dataclass(frozen=True, eq=False)
class Optimum:
    """What of a fit its posterior needs, and a saved solver keeps.

    Args:
        z: the unknowns, without bounds.
        factor: R of the QR factors of the rows' Jacobian: the covariance is (RᵀR)⁻¹.
        loss: the sum of all squared rows.
        chi_squared: that of the data's.
        effective: how many unknowns the data determine.
        noise: the estimated noise, by column.
        scales: the smoothness scale of each unknown function.
        evaluations: how many times the model was evaluated.
        left: the step that was left, in standard deviations.
        converged: whether that is far below one, or rounding.
    """

    z: Float[np.ndarray, " size"]
    factor: Float[np.ndarray, "size size"]
    loss: float
    chi_squared: float
    effective: float
    noise: Mapping[int, float]
    scales: Mapping[str, float]
    evaluations: int
    left: float
    converged: bool

    @classmethod
    def of(cls, fit: Fit) -> "Optimum":
        """Return what is to be kept of a fit."""
        return cls(
            fit.z,
            fit.factor,
            float(np.sum(fit.rows**2)),
            fit.chi_squared,
            fit.effective,
            dict(fit.noise),
            dict(fit.scales),
            fit.evaluations,
            fit.left,
            fit.converged,
        )


def step_left(fit: Fit) -> tuple[float, float]:
    """Return the Gauss–Newton step that is left, in standard deviations and relative to z."""
    if not np.all(np.isfinite(fit.jacobian)):
        return np.inf, np.inf
    q, r = qr(fit.jacobian, mode="economic", check_finite=False)
    right = q.T @ fit.rows
    move = np.linalg.lstsq(r, right, rcond=None)[0]
    return float(np.linalg.norm(right)), float(np.max(np.abs(move) / (1.0 + np.abs(fit.z))))


def triangular_inverse(factor: Float[np.ndarray, "size size"]) -> Float[np.ndarray, "size size"]:
    """Return R⁻¹."""
    return solve_triangular(factor, np.eye(len(factor)), check_finite=False)
