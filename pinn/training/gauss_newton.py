"""Gauss–Newton with Levenberg–Marquardt damping and exact linear algebra."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.training.objective import AbstractObjective, Parameters
from pinn.training.step import AbstractStep, StepResult


class DampingState(NamedTuple):
    """The damping λ, relative to the mean squared column norm of the Jacobian."""

    damping: Float[Array, ""]


@dataclass(frozen=True)
class GaussNewton(AbstractStep):
    """Solve (JᵀJ + λI) d = −Jᵀr for several λ at once and take the longest trusted step.

    A step is trusted when its actual reduction of the loss is at least `acceptance` of what the
    linear model predicts. J is factorised by QR, never squared, so that singular values down to
    round-off are resolved; with fewer rows than parameters the equivalent dual problem is solved,
    d = −Jᵀ(JJᵀ + λI)⁻¹r.

    Source: Levenberg (1944), doi:10.1090/qam/10666; Marquardt (1963), doi:10.1137/0111030; Moré
    (1978), section 3, doi:10.1007/BFb0067700, for the QR form.

    Args:
        damping: λ at the start.
        factors: the trial dampings are these multiples of λ.
        acceptance: the least ratio of actual to predicted reduction.
        shrink: λ is multiplied by this where a trusted step used the smallest trial.
        grow: λ is multiplied by this where no trial reduced the loss.
        progress: a step that leaves more than this share of the loss has stalled.
        scaled: whether each parameter is measured by its column of J, as Marquardt does.
        factorisation: `qr` of J, or `cholesky` of JᵀJ, which is three times faster on many rows and
            resolves singular values down to the root of round-off only.
    """

    damping: float = 1e-2
    factors: tuple[float, ...] = (1.0,)
    acceptance: float = 0.075
    shrink: float = 0.05
    grow: float = 10.0
    progress: float = 0.9
    factorisation: Literal["qr", "cholesky"] = "qr"
    scaled: bool = False

    def __post_init__(self):
        if self.damping <= 0.0 or not self.factors or min(self.factors) <= 0.0:
            raise RecipeError(
                "Gauss–Newton needs a positive damping and at least one positive factor, got "
                f"damping={self.damping}, factors={self.factors}."
            )
        if self.factorisation not in ("qr", "cholesky"):
            raise RecipeError(f"factorisation= is 'qr' or 'cholesky', got {self.factorisation!r}.")
        object.__setattr__(self, "factors", tuple(sorted(float(f) for f in self.factors)))

    def init(self, parameters: Parameters) -> DampingState:
        """Return the starting damping."""
        return DampingState(jnp.asarray(self.damping, parameters.dtype))

    def step(
        self, objective: AbstractObjective, parameters: Parameters, state: DampingState
    ) -> StepResult:
        """Try every damping, and keep the longest trusted step."""
        rows, jacobian = objective.linearise(parameters)
        sizes = column_sizes(jacobian) if self.scaled else jnp.ones_like(parameters)
        jacobian = jacobian / sizes[None]
        before = jnp.sum(rows**2)
        unit = jnp.sum(jacobian**2) / parameters.size
        dampings = state.damping * jnp.asarray(self.factors, parameters.dtype)

        exact = self.factorisation == "qr"
        normal = None if exact else (jacobian.T @ jacobian, jacobian.T @ rows)

        def attempt(damping: Array) -> tuple[Array, Array, Array]:
            move = (
                damped_step(jacobian, rows, damping * unit)
                if normal is None
                else damped_normal_step(*normal, damping * unit)
            )
            predicted = before - jnp.sum((rows + jacobian @ move) ** 2)
            move = move / sizes
            actual = before - jnp.sum(objective.rows(parameters + move) ** 2)
            actual = jnp.where(jnp.isfinite(actual), actual, -jnp.inf)
            return move, actual, actual / jnp.maximum(predicted, jnp.finfo(rows.dtype).tiny)

        moves, gains, ratios = jax.vmap(attempt)(dampings)
        # argmax finds the first, and the dampings ascend: the longest trusted step.
        trusted = (ratios >= self.acceptance) & (gains > 0.0)
        chosen = jnp.where(jnp.any(trusted), jnp.argmax(trusted), jnp.argmax(gains))
        better, gain = gains[chosen] > 0.0, gains[chosen]
        moved = jnp.where(better, parameters + moves[chosen], parameters)
        shrink = jnp.where(trusted[0] & (ratios[0] > 0.25), self.shrink, 1.0)
        damping = jnp.where(better, dampings[chosen] * shrink, dampings[-1] * self.grow)
        eps = jnp.finfo(rows.dtype).eps
        floor = eps**2 if exact else 16.0 * eps  # below, JᵀJ + λI is not positive
        return StepResult(
            moved,
            DampingState(jnp.clip(damping, floor, 1e8)),
            moved,
            0.5 * (before - jnp.maximum(gain, 0.0)),
            ~better | (gain < (1.0 - self.progress) * before),
        )


def column_sizes(jacobian: Float[Array, "rows parameters"]) -> Float[Array, " parameters"]:
    """Return the norm of each column, or one where it vanishes."""
    sizes = jnp.linalg.norm(jacobian, axis=0)
    return jnp.where(sizes > 0.0, sizes, 1.0)


def damped_step(
    jacobian: Float[Array, "rows parameters"],
    rows: Float[Array, " rows"],
    damping: Float[Array, ""],
) -> Float[Array, " parameters"]:
    """Return −(JᵀJ + λI)⁻¹Jᵀr through the QR factors of J (or Jᵀ) stacked on √λ I."""
    count, size = jacobian.shape
    root = jnp.sqrt(damping)
    triangular = jax.scipy.linalg.solve_triangular
    if count >= size:
        stacked = jnp.concatenate([jacobian, root * jnp.eye(size, dtype=rows.dtype)])
        q, r = jnp.linalg.qr(stacked)
        return -triangular(r, q[:count].T @ rows)
    stacked = jnp.concatenate([jacobian.T, root * jnp.eye(count, dtype=rows.dtype)])
    q, r = jnp.linalg.qr(stacked)
    return -q[:size] @ triangular(r, rows, trans=1)


def damped_normal_step(
    gram: Float[Array, "parameters parameters"],
    gradient: Float[Array, " parameters"],
    damping: Float[Array, ""],
) -> Float[Array, " parameters"]:
    """Return −(JᵀJ + λI)⁻¹Jᵀr by Cholesky factors of the normal matrix."""
    factor = jax.scipy.linalg.cho_factor(gram + damping * jnp.eye(gram.shape[0], dtype=gram.dtype))
    return -jax.scipy.linalg.cho_solve(factor, gradient)
