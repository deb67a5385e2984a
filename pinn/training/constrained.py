"""The last word to the laws: the least change of the equation's rows that makes theirs vanish."""

import jax
import jax.numpy as jnp

from pinn.training.gauss_newton import column_sizes
from pinn.training.objective import AbstractObjective, Parameters

ITERATIONS = 4
DAMPINGS = (1e-10, 1e-5, 1.0)


def constrained(
    equation: AbstractObjective, laws: AbstractObjective, parameters: Parameters
) -> Parameters:
    """Return parameters near the given ones at which the rows of the laws vanish.

    Each iteration is a Newton step c + C d = 0 of least ‖J d‖, where c are the laws' rows, C their
    Jacobian and J that of the equation: d = −G⁻¹Cᵀ(C G⁻¹Cᵀ)⁻¹c with G = JᵀJ + λI (Nocedal & Wright
    2006, Numerical Optimization, section 18.1, doi:10.1007/978-0-387-40065-5). Laws that depend on
    each other are resolved by least squares. Of several λ the one that lowers the laws' rows most
    is taken: far from them a small one leaves the range in which they are linear.
    """
    _, jacobian = equation.linearise(parameters)
    sizes = column_sizes(jacobian)
    jacobian = jacobian / sizes[None]
    gram = jacobian.T @ jacobian
    unit = jnp.eye(gram.shape[0], dtype=gram.dtype)
    dampings = jnp.asarray(DAMPINGS, gram.dtype)
    factors = jax.vmap(lambda damping: jnp.linalg.cholesky(gram + damping * unit))(dampings)

    def improve(_: int, best: tuple[Parameters, jax.Array]) -> tuple[Parameters, jax.Array]:
        current, size = best
        rows, slopes = laws.linearise(current)
        slopes = slopes / sizes[None]

        def moved(factor: jax.Array) -> Parameters:
            spread = jax.scipy.linalg.cho_solve((factor, True), slopes.T)
            multipliers = jnp.linalg.lstsq(slopes @ spread, rows, rcond=1e-12)[0]
            return current - spread @ multipliers / sizes

        tried = jax.vmap(moved)(factors)
        reached = jnp.sum(jax.vmap(laws.rows)(tried) ** 2, axis=1)
        reached = jnp.where(jnp.isnan(reached), jnp.inf, reached)
        least = jnp.argmin(reached)
        better = reached[least] < size
        return jnp.where(better, tried[least], current), jnp.where(better, reached[least], size)

    start = (parameters, jnp.sum(laws.rows(parameters) ** 2))
    return jax.lax.fori_loop(0, ITERATIONS, improve, start)[0]
