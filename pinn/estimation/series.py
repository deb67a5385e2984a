"""Unknown functions as series, with the smoothness that is expected of them before the data."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.estimation.smoothness import AbstractSmoothness, Decay, degrees
from pinn.spectral import AbstractBasis, Chebyshev, Fourier, functions

# How large coefficients are before the data, in units of the first value, smooth or not.
WIDE = 3.0
# Near a bound f is bent over so large a share of its first height above it.
BEND = 0.1
# The smoothness to begin with; the data choose it.
FIRST = Decay(1.7)
_BENT = float(np.log(-np.expm1(-1.0 / BEND)))


@dataclass(frozen=True)
class Series:
    """A function of a few numbers, f(x) = Σ c_k φ_k(x), or one above a lower bound.

    The φ_k are products of one function an axis, of total degree below `count`. Before the data c
    is normal, |P c|²/τ² being minus twice the logarithm of its density; P and τ are for the data to
    choose. Above a lower bound f is bent to it, lower + w log(1 + exp(g/w)) with g the series and
    w a tenth of the guess's height above the bound, so that f is as smooth as g; without a guess
    nothing tells w, and f is lower + exp(g).

    Args:
        bases: the functions along each axis.
        outputs: how many numbers it returns; 0 for a scalar.
        lower: f is larger than this.
        guess: a first value.
        smoothness: P.
    """

    bases: tuple[AbstractBasis, ...]
    outputs: int = 0
    lower: float | None = None
    guess: float | None = None
    smoothness: AbstractSmoothness = FIRST

    @cached_property
    def _chosen(self) -> np.ndarray:
        """Which function of each axis every product is made of."""
        every = [degrees(basis) for basis in self.bases]
        most = max(max(d) for d in every)
        products = itertools.product(*(range(len(d)) for d in every))
        kept = [k for k in products if sum(d[i] for d, i in zip(every, k, strict=True)) <= most]
        return np.array(kept).reshape(-1, len(self.bases))

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return len(self._chosen) * max(self.outputs, 1)

    def function(self, coefficients: Float[Array, " size"]) -> Callable[..., Array]:
        """Return f for some coefficients."""
        table = coefficients.reshape(len(self._chosen), max(self.outputs, 1))

        def f(*point: Array) -> Array:
            at = jnp.concatenate([jnp.atleast_1d(jnp.asarray(p, table.dtype)) for p in point])
            factors = [_continued(b, at[i])[self._chosen[:, i]] for i, b in enumerate(self.bases)]
            value = reduce(jnp.multiply, factors) @ table
            value = self._bounded(value)
            return value if self.outputs else value[0]

        return f

    @property
    def _bend(self) -> float | None:
        """w, none where f has no lower bound or nothing tells it."""
        known = self.lower is not None and self.guess is not None
        return BEND * (self.guess - self.lower) if known else None

    def _bounded(self, value: Array) -> Array:
        if self.lower is None:
            return value
        bend = self._bend
        above = jnp.exp(value) if bend is None else bend * jax.nn.softplus(value / bend)
        return self.lower + above

    @property
    def start(self) -> np.ndarray:
        """The coefficients of the first value."""
        level, bend = 0.0 if self.guess is None else self.guess, self._bend
        if self.lower is not None:  # the inverse of the bend
            level = 0.0 if bend is None else level - self.lower + _BENT * bend
        found = np.zeros((len(self._chosen), max(self.outputs, 1)))
        found[self._chosen.sum(axis=1) == 0] = level
        return found.ravel()

    @cached_property
    def penalty(self) -> Float[np.ndarray, "size size"]:
        """P, as an upper triangular matrix."""
        root = self.smoothness.penalty(self.bases, self._chosen)
        return np.kron(root, np.eye(max(self.outputs, 1)))

    @cached_property
    def rank(self) -> int:
        """How many combinations of coefficients P sees."""
        return int(np.linalg.matrix_rank(self.penalty))

    @property
    def width(self) -> float:
        """The standard deviation of every coefficient before the data, however smooth f is."""
        return WIDE * max(float(np.max(np.abs(self.start))), 1.0)

    @property
    def unit(self) -> float:
        """The size that coefficients are expected to have before anything is known."""
        bend = self._bend
        return 1.0 if bend is None else bend / BEND

    def log_prior(self, scale: float) -> float:
        """Return log |det| of the rows of the prior, [P/τ; 1/width]."""
        rows = np.concatenate([self.penalty / scale, np.eye(self.size) / self.width])
        return float(np.sum(np.log(np.abs(np.diag(np.linalg.qr(rows, mode="r"))))))


def _continued(basis: AbstractBasis, x: Float[Array, ""]) -> Float[Array, " count"]:
    """Return a basis's functions, as straight lines beyond the ends of an interval.

    A polynomial would run away there, and with it a solution that comes near.
    """
    if isinstance(basis, Fourier):
        return functions(basis, x)
    inside = jnp.clip(x, basis.lower, basis.upper)
    values = functions(basis, inside)
    return values + (x - inside) * (jnp.asarray(basis.derivative.T, x.dtype) @ values)


def polynomials(lower: tuple[float, ...], upper: tuple[float, ...], count: int) -> tuple:
    """Return the bases of polynomials over a box."""
    return tuple(Chebyshev(a, b, count) for a, b in zip(lower, upper, strict=True))
