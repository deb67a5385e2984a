"""How smooth an unknown function is expected to be before the data."""

import abc
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float, Int

from pinn.spectral import AbstractBasis, Fourier


class AbstractSmoothness(abc.ABC):
    """P of a normal prior |P c|²/τ² of the coefficients c of Σ c_k φ_k, constants being free."""

    @abc.abstractmethod
    def penalty(
        self, bases: tuple[AbstractBasis, ...], chosen: Int[np.ndarray, "size axes"]
    ) -> Float[np.ndarray, "rows size"]:
        """Return P.

        Args:
            bases: the functions along each axis.
            chosen: which function of each axis every product φ_k is made of.
        """


@dataclass(frozen=True)
class Spline(AbstractSmoothness):
    """|P c|² = Σ_axes ∫ (∂ᵐf/∂zᵐ)² dz, as of a smoothing spline, z being the axis over [−1, 1].

    Source: Wahba, Spline Models for Observational Data (1990), doi:10.1137/1.9781611970128.

    Args:
        order: m.
    """

    order: int

    def penalty(
        self, bases: tuple[AbstractBasis, ...], chosen: Int[np.ndarray, "size axes"]
    ) -> Float[np.ndarray, "rows size"]:
        """Return the root of the sum of the integrals, an upper triangle."""
        blocks = [self._along(axis, bases, chosen) for axis in range(len(bases))]
        return np.linalg.qr(np.concatenate(blocks), mode="r")

    def _along(self, axis: int, bases: tuple[AbstractBasis, ...], chosen: np.ndarray) -> np.ndarray:
        """Return √weight · ∂ᵐφ/∂zᵐ on a tensor grid of quadrature nodes, one column a function."""
        factors = []
        for place, basis in enumerate(bases):
            z, weights = np.polynomial.legendre.leggauss(2 * basis.count)
            half = 0.5 * (basis.upper - basis.lower)
            values = basis.vandermonde(basis.lower + half * (z + 1.0))
            if place == axis:
                values = values @ np.linalg.matrix_power(half * basis.derivative, self.order)
            factors.append(np.sqrt(weights)[:, None] * values[:, chosen[:, place]])
        combine = lambda a, b: (a[:, None] * b[None]).reshape(-1, a.shape[1])  # noqa: E731
        return np.linalg.qr(reduce(combine, factors), mode="r")


@dataclass(frozen=True)
class Decay(AbstractSmoothness):
    """|P c|² = Σ ρ^(2d_k) c_k², d_k being the total degree of φ_k: an analytic function.

    The coefficients of a function that is analytic in an ellipse about the interval fall
    geometrically (Trefethen 2019, Approximation Theory and Approximation Practice, theorem 8.1,
    doi:10.1137/1.9781611975949).

    Args:
        rate: ρ, more than 1.
    """

    rate: float

    def penalty(
        self, bases: tuple[AbstractBasis, ...], chosen: Int[np.ndarray, "size axes"]
    ) -> Float[np.ndarray, "rows size"]:
        """Return the diagonal matrix of the rates' powers, and nothing for the constant."""
        degree = sum(np.array(degrees(basis))[chosen[:, i]] for i, basis in enumerate(bases))
        return np.diag(np.where(degree > 0, self.rate ** np.asarray(degree, float), 0.0))


def degrees(basis: AbstractBasis) -> list[int]:
    """Return the degree of each function of a basis: of a polynomial, or of a wave."""
    if isinstance(basis, Fourier):
        half = basis.count // 2
        return [0, *range(1, half + 1), *range(1, half + 1)]
    return list(range(basis.count))


# What is tried: the data choose by evidence.
CANDIDATES = (
    Spline(2),
    Spline(1),
    Spline(3),
    Decay(1.4),
    Decay(1.7),
    Decay(2.0),
    Decay(2.4),
    Decay(2.8),
)
KINDS = {"spline": Spline, "decay": Decay}


def smoothness_spec(smoothness: AbstractSmoothness) -> list:
    """Return the kind of a smoothness and its number, as JSON knows them."""
    (kind,) = (name for name, one in KINDS.items() if type(smoothness) is one)
    return [kind, *vars(smoothness).values()]
