"""Linear least squares with many right sides, through the factors of one matrix."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.training.gauss_newton import column_sizes, damped_factor

DAMPING = 1e-13
REFINEMENTS = 3


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """min |J x − b| for one J and many b, by Cholesky factors of JᵀJ refined with J itself.

    Each refinement solves for what is left, x += (JᵀJ)⁻¹ Jᵀ (b − J x), so that the digits that JᵀJ
    loses come back (Björck 1996, Numerical Methods for Least Squares Problems, section 2.9,
    doi:10.1137/1.9781611971484).

    Args:
        jacobian: J with columns of length one.
        sizes: what the columns were divided by.
        factor: the Cholesky factor of JᵀJ + λ I.
    """

    jacobian: Float[Array, "rows columns"]
    sizes: Float[Array, " columns"]
    factor: tuple[Array, bool]

    @classmethod
    def of(cls, jacobian: Float[Array, "rows columns"]) -> "LeastSquares":
        """Factorise a matrix."""
        sizes = column_sizes(jacobian)
        scaled = jacobian / sizes[None]
        factor = damped_factor(scaled.T @ scaled, jnp.asarray(DAMPING, jacobian.dtype))
        return cls(scaled, sizes, factor)

    def __call__(self, right: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """Return x for one b."""
        found = jnp.zeros(self.sizes.size, right.dtype)
        for _ in range(REFINEMENTS + 1):
            left = right - self.jacobian @ found
            found = found + jax.scipy.linalg.cho_solve(self.factor, self.jacobian.T @ left)
        return found / self.sizes
