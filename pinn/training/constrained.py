"""The last word to the laws: the least change of the equation's rows that makes theirs vanish."""

import jax
import jax.numpy as jnp

from pinn.training.objective import AbstractObjective, Parameters

ITERATIONS = 4
DAMPING = 1e-4


def constrained(
    equation: AbstractObjective, laws: AbstractObjective, parameters: Parameters
) -> Parameters:
    """Return parameters near the given ones at which the rows of the laws vanish.

    Each iteration is a Newton step c + C d = 0 of least ‖J d‖, where c are the laws' rows, C their
    Jacobian and J that of the equation: d = −G⁻¹Cᵀ(C G⁻¹Cᵀ)⁻¹c with G = JᵀJ + λI (Nocedal & Wright
    2006, Numerical Optimization, section 18.1, doi:10.1007/978-0-387-40065-5). Laws that depend on
    each other are resolved by least squares. A step that does not lower the laws' rows is not
    taken.
    """
    _, jacobian = equation.linearise(parameters)
    gram = jacobian.T @ jacobian
    level = jnp.trace(gram) / gram.shape[0]
    factor = jax.scipy.linalg.cho_factor(
        gram + DAMPING * level * jnp.eye(gram.shape[0], dtype=gram.dtype)
    )

    def improve(_: int, best: tuple[Parameters, jax.Array]) -> tuple[Parameters, jax.Array]:
        current, size = best
        rows, slopes = laws.linearise(current)
        spread = jax.scipy.linalg.cho_solve(factor, slopes.T)
        multipliers = jnp.linalg.lstsq(slopes @ spread, rows, rcond=1e-12)[0]
        moved = current - spread @ multipliers
        reached = jnp.sum(laws.rows(moved) ** 2)
        better = reached < size
        return jnp.where(better, moved, current), jnp.where(better, reached, size)

    start = (parameters, jnp.sum(laws.rows(parameters) ** 2))
    return jax.lax.fori_loop(0, ITERATIONS, improve, start)[0]
