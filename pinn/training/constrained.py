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
    factors = [jax.scipy.linalg.cho_factor(gram + damping * unit) for damping in DAMPINGS]

    def improve(_: int, best: tuple[Parameters, jax.Array]) -> tuple[Parameters, jax.Array]:
        current, size = best
        rows, slopes = laws.linearise(current)
        slopes = slopes / sizes[None]
        for factor in factors:
            spread = jax.scipy.linalg.cho_solve(factor, slopes.T)
            multipliers = jnp.linalg.lstsq(slopes @ spread, rows, rcond=1e-12)[0]
            moved = current - spread @ multipliers / sizes
            reached = jnp.sum(laws.rows(moved) ** 2)
            better = reached < size
            best = jnp.where(better, moved, best[0]), jnp.where(better, reached, size)
            size = best[1]
        return best

    start = (parameters, jnp.sum(laws.rows(parameters) ** 2))
    return jax.lax.fori_loop(0, ITERATIONS, improve, start)[0]
