"""Metriplectic (GENERIC) systems: brackets that keep the energy, friction that makes entropy."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.precision import arithmetic
from pinn.problem.problem import Balance

State = Float[Array, " n"]
Scalar = Callable[[State], Array]
Matrix = Callable[[State], Float[Array, "n n"]]

SAMPLES = 16
TOLERANCE = 1e-9


def metriplectic(
    field: str,
    start: ArrayLike | Sequence[float],
    *,
    energy: Scalar,
    entropy: Scalar,
    bracket: Matrix,
    friction: Matrix,
    time: str = "t",
) -> dict[str, Any]:
    """Return the statement of z' = L ∇E + M ∇S, for `pinn.Problem(axes=..., **statement)`.

    With L antisymmetric, L∇S = 0, M symmetric and positive semidefinite, M∇E = 0, the energy is
    conserved and dS/dt = ∇S·M∇S ≥ 0 at every state. All of it, and Jacobi's identity of L, is
    checked on random states about the start. The laws come with the statement: `energy`, and
    `entropy` as a balance with its production.

    Source: Grmela & Öttinger (1997), doi:10.1103/PhysRevE.56.6620; Morrison (1986),
    doi:10.1016/0167-2789(86)90209-5.

    Args:
        field: the name of the state z, a vector.
        start: z at the start.
        energy: E(z), one number.
        entropy: S(z), one number.
        bracket: L(z), of shape (n, n).
        friction: M(z), of shape (n, n).
        time: the name of the evolution axis.

    Raises:
        ProblemError: one of the conditions does not hold.
    """
    begin = np.asarray(start, dtype=float)
    if begin.ndim != 1:
        raise ProblemError(
            f"A metriplectic state is one vector, got a start of shape {begin.shape}: stack its "
            "components."
        )
    _check(begin, energy, entropy, bracket, friction)

    def residual(j: Jet) -> Array:
        z = j[field]
        reversible = bracket(z) @ jax.grad(energy)(z)
        return j[f"{field}_{time}"] - reversible - friction(z) @ jax.grad(entropy)(z)

    def production(j: Jet) -> Array:
        slope = jax.grad(entropy)(j[field])
        return slope @ friction(j[field]) @ slope

    return {
        "fields": {field: begin.shape},
        "residual": residual,
        "initial": {field: tuple(begin.tolist())},
        "conserved": {
            "energy": lambda j: energy(j[field]),
            "entropy": Balance(lambda j: entropy(j[field]), production),
        },
    }


def _check(
    start: np.ndarray, energy: Scalar, entropy: Scalar, bracket: Matrix, friction: Matrix
) -> None:
    generator = np.random.default_rng(0)
    size = np.maximum(np.abs(start), 0.1 * (np.max(np.abs(start)) or 1.0))
    states = start + 0.2 * size * generator.uniform(-1.0, 1.0, (SAMPLES, start.size))
    with arithmetic("float64"):
        evaluate = jax.jit(jax.vmap(lambda z: _defects(z, energy, entropy, bracket, friction)))
        defects = jax.tree.map(np.asarray, evaluate(jnp.asarray(states)))
    for condition, (left, size) in defects.items():
        worst = np.max(left / np.where(size > 0.0, size, 1.0))
        if not worst <= TOLERANCE:
            raise ProblemError(
                f"The metriplectic system breaks the condition {condition} (relative defect "
                f"{worst:.1e} on random states about the start): correct its bracket, friction, "
                "energy or entropy; otherwise energy is not kept or entropy may fall."
            )


def _defects(
    z: State, energy: Scalar, entropy: Scalar, bracket: Matrix, friction: Matrix
) -> dict[str, tuple[Array, Array]]:
    """Return, by condition, by how much it fails and what that is measured against."""
    rises, disorders = jax.grad(energy)(z), jax.grad(entropy)(z)
    poisson, metric = bracket(z), friction(z)
    turned = jnp.einsum("il,jkl->ijk", poisson, jax.jacfwd(bracket)(z))
    cyclic = turned + jnp.moveaxis(turned, 0, 2) + jnp.moveaxis(turned, 2, 0)

    def largest(*arrays: Array) -> Array:
        return jnp.max(jnp.abs(jnp.stack(arrays)))

    def applied(matrix: Array, vector: Array) -> tuple[Array, Array]:
        return largest(matrix @ vector), largest(jnp.abs(matrix) @ jnp.abs(vector))

    least = jnp.linalg.eigvalsh(0.5 * (metric + metric.T))[0]
    return {
        "L = −Lᵀ": (largest(poisson + poisson.T), largest(poisson)),
        "L ∇S = 0": applied(poisson, disorders),
        "Jacobi's identity of L": (largest(cyclic), largest(turned)),
        "M = Mᵀ": (largest(metric - metric.T), largest(metric)),
        "M ≥ 0": (jnp.maximum(-least, 0.0), largest(metric)),
        "M ∇E = 0": applied(metric, rises),
    }
