"""Functions of one coordinate as series: Fourier on a circle, Chebyshev on an interval."""

import abc
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import block_diag

from pinn.problem.axes import Axis, Periodic


@dataclass(frozen=True)
class AbstractBasis(abc.ABC):
    """A basis of `count` functions φ_n between two ends, with as many nodes to interpolate at.

    Args:
        lower: where the coordinate starts.
        upper: where it ends.
        count: how many functions, and how many nodes.
    """

    lower: float
    upper: float
    count: int

    @property
    @abc.abstractmethod
    def nodes(self) -> np.ndarray:
        """The interpolation points, in increasing order."""

    @property
    @abc.abstractmethod
    def weights(self) -> np.ndarray:
        """The weights of the quadrature ∫ f dx ≈ Σ w f(node), exact for the basis."""

    @abc.abstractmethod
    def functions(self, x: Float[Array, ""]) -> Float[Array, " count"]:
        """Return φ_n(x) for every n."""

    @property
    @abc.abstractmethod
    def derivative(self) -> np.ndarray:
        """The matrix from the coefficients of a function to those of its derivative."""

    @cached_property
    def synthesis(self) -> np.ndarray:
        """The matrix from coefficients to values at the nodes, φ_n(node)."""
        return self.vandermonde(self.nodes)

    @cached_property
    def analysis(self) -> np.ndarray:
        """The matrix from values at the nodes to coefficients."""
        return np.linalg.inv(self.synthesis)

    @abc.abstractmethod
    def vandermonde(self, points: np.ndarray) -> np.ndarray:
        """Return φ_n(point), one row a point, in double precision."""

    def differentiation(self, order: int = 1) -> np.ndarray:
        """Return the matrix from values at the nodes to values of a derivative there."""
        power = np.linalg.matrix_power(self.derivative, order)
        return self.synthesis @ power @ self.analysis


@dataclass(frozen=True)
class Fourier(AbstractBasis):
    """1, cos θ, sin θ, …, with θ = 2π(x − lower)/length; `count` is odd, so that no mode is half.

    Source: Trefethen, Spectral Methods in MATLAB (2000), chapter 3, doi:10.1137/1.9780898719598.
    """

    def __post_init__(self):
        if self.count % 2 == 0:
            raise ValueError(f"A Fourier basis needs an odd count, got {self.count}.")

    @property
    def nodes(self) -> np.ndarray:
        """Evenly spaced points, the first at the lower end."""
        return self.lower + (self.upper - self.lower) * np.arange(self.count) / self.count

    @property
    def weights(self) -> np.ndarray:
        """The trapezoidal rule's."""
        return np.full(self.count, (self.upper - self.lower) / self.count)

    @property
    def wavenumbers(self) -> np.ndarray:
        """The wavenumber 2πk/length of each pair of functions, for k = 1, 2, and so on."""
        return 2.0 * np.pi / (self.upper - self.lower) * np.arange(1, self.count // 2 + 1)

    def functions(self, x: Float[Array, ""]) -> Float[Array, " count"]:
        """Return 1, then cosines, then sines."""
        angle = jnp.asarray(self.wavenumbers, x.dtype) * (x - self.lower)
        return jnp.concatenate([jnp.ones((1,), x.dtype), jnp.cos(angle), jnp.sin(angle)])

    def vandermonde(self, points: np.ndarray) -> np.ndarray:
        """Return 1, cosines and sines at each point."""
        angle = np.multiply.outer(np.asarray(points) - self.lower, self.wavenumbers)
        return np.concatenate([np.ones((len(angle), 1)), np.cos(angle), np.sin(angle)], axis=1)

    @cached_property
    def analysis(self) -> np.ndarray:
        """The discrete Fourier transform, whose functions are orthogonal on the nodes."""
        norms = np.full((self.count, 1), 2.0 / self.count)
        norms[0] = 1.0 / self.count
        return norms * self.synthesis.T

    @property
    def derivative(self) -> np.ndarray:
        """Turns cosines into sines and sines into cosines."""
        matrix, half = np.zeros((self.count, self.count)), self.count // 2
        k = np.arange(1, half + 1)
        matrix[k + half, k] = -self.wavenumbers  # (cos κx)' = −κ sin κx
        matrix[k, k + half] = self.wavenumbers
        return matrix


@dataclass(frozen=True)
class Chebyshev(AbstractBasis):
    """The polynomials T_n(z) with z = (2x − lower − upper)/length, on the Lobatto points.

    Source: Trefethen, Approximation Theory and Approximation Practice (2013), chapters 3 and 19,
    doi:10.1137/1.9781611975949.
    """

    @property
    def nodes(self) -> np.ndarray:
        """The extrema of the last polynomial, both ends included."""
        z = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, self.count))
        return 0.5 * (self.lower + self.upper) + 0.5 * (self.upper - self.lower) * z

    @property
    def weights(self) -> np.ndarray:
        """Those of Clenshaw and Curtis."""
        n = np.arange(0, self.count, 2)
        integrals = np.zeros(self.count)
        integrals[::2] = 2.0 / (1.0 - n**2.0)
        return 0.5 * (self.upper - self.lower) * integrals @ self.analysis

    def functions(self, x: Float[Array, ""]) -> Float[Array, " count"]:
        """Return T_n by the cosine, which does not lose accuracy inside the interval."""
        z = (2.0 * x - self.lower - self.upper) / (self.upper - self.lower)
        return jnp.cos(jnp.arange(self.count, dtype=x.dtype) * jnp.arccos(jnp.clip(z, -1.0, 1.0)))

    def vandermonde(self, points: np.ndarray) -> np.ndarray:
        """Return T_n at each point."""
        z = (2.0 * np.asarray(points) - self.lower - self.upper) / (self.upper - self.lower)
        return np.polynomial.chebyshev.chebvander(z, self.count - 1)

    @cached_property
    def analysis(self) -> np.ndarray:
        """The discrete cosine transform."""
        last = self.count - 1
        angles = np.pi * np.arange(self.count)[::-1] / last  # the nodes increase, cosines fall
        matrix = 2.0 / last * np.cos(np.multiply.outer(np.arange(self.count), angles))
        matrix[:, [0, -1]] *= 0.5
        matrix[[0, -1]] *= 0.5
        return matrix

    @property
    def derivative(self) -> np.ndarray:
        """T_n' = 2n (T_{n−1} + T_{n−3} + …), the last term halved where it is T_0."""
        n = np.arange(self.count)
        below = (n[:, None] < n[None]) & ((n[:, None] + n[None]) % 2 == 1)
        matrix = np.where(below, 2.0 * n[None], 0.0)
        matrix[0] *= 0.5
        return matrix * 2.0 / (self.upper - self.lower)


@dataclass(frozen=True)
class Piecewise(AbstractBasis):
    """Polynomials on each piece of an interval, zero on the others.

    A point where two pieces meet belongs to the upper one; the lower one's last node is just below.

    Args:
        lower: where the coordinate starts.
        upper: where it ends.
        count: how many functions, the same number on every piece.
        breakpoints: where pieces meet.
    """

    breakpoints: tuple[float, ...] = ()

    @cached_property
    def pieces(self) -> tuple[Chebyshev, ...]:
        """The basis of each piece."""
        edges = (self.lower, *self.breakpoints, self.upper)
        each = self.count // (len(edges) - 1)
        return tuple(Chebyshev(a, b, each) for a, b in pairwise(edges))

    @property
    def nodes(self) -> np.ndarray:
        """The nodes of every piece."""
        found = [piece.nodes for piece in self.pieces]
        for piece, nodes in zip(self.pieces[:-1], found, strict=False):
            nodes[-1] = np.nextafter(piece.upper, piece.lower)
        return np.concatenate(found)

    @property
    def weights(self) -> np.ndarray:
        """Those of every piece."""
        return np.concatenate([piece.weights for piece in self.pieces])

    def functions(self, x: Float[Array, ""]) -> Float[Array, " count"]:
        """Return each piece's polynomials where the point is in it."""
        here = jnp.searchsorted(jnp.asarray(self.breakpoints, x.dtype), x, side="right")
        found = [
            jnp.where(here == i, piece.functions(x), 0.0) for i, piece in enumerate(self.pieces)
        ]
        return jnp.concatenate(found)

    def vandermonde(self, points: np.ndarray) -> np.ndarray:
        """Return each piece's polynomials at each point."""
        points = np.asarray(points)
        here = np.searchsorted(np.array(self.breakpoints), points, side="right")
        parts = [
            np.where((here == i)[:, None], piece.vandermonde(points), 0.0)
            for i, piece in enumerate(self.pieces)
        ]
        return np.concatenate(parts, axis=1)

    @cached_property
    def analysis(self) -> np.ndarray:
        """Every piece's, in blocks."""
        return block_diag(*(piece.analysis for piece in self.pieces))

    @property
    def derivative(self) -> np.ndarray:
        """Every piece's, in blocks."""
        return block_diag(*(piece.derivative for piece in self.pieces))


def basis_of(axis: Axis, count: int) -> AbstractBasis:
    """Return the basis that belongs to an axis, of about so many functions.

    On a circle the count is raised to an odd one, and on an interval with breakpoints to a multiple
    of the number of its pieces.
    """
    if isinstance(axis, Periodic):
        return Fourier(axis.lower, axis.upper, count + 1 - count % 2)
    if axis.breakpoints:
        pieces = len(axis.breakpoints) + 1
        each = max(-(-count // pieces), 4)
        return Piecewise(axis.lower, axis.upper, each * pieces, axis.breakpoints)
    return Chebyshev(axis.lower, axis.upper, count)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def functions(basis: AbstractBasis, x: Float[Array, ""]) -> Float[Array, " count"]:
    """Return a basis's functions; they differentiate to any order by the basis's own matrix.

    So the ends of an interval are no worse than its inside.
    """
    return basis.functions(x)


@functions.defjvp
def _functions_jvp(basis: AbstractBasis, primals, tangents):
    (x,), (move,) = primals, tangents
    values = functions(basis, x)
    return values, move * (jnp.asarray(basis.derivative.T, x.dtype) @ values)
