"""Gauss–Newton with Levenberg–Marquardt damping and exact linear algebra."""

from collections.abc import Callable
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
    """Solve (JᵀJ + λI) d = −Jᵀr for one λ after another and take the longest trusted step.

    A step is trusted when its actual reduction of the loss is at least `acceptance` of what the
    linear model predicts. J is factorised by QR, never squared, so that singular values down to
    round-off are resolved; with fewer rows than parameters the equivalent dual problem is solved,
    d = −Jᵀ(JJᵀ + λI)⁻¹r.

    Variable projection, the last layer solved for exactly after every step (Golub & Pereyra 1973,
    doi:10.1137/0710036), was measured on pendulum, kepler and henon_heiles and left out: with one
    hidden layer it took 2 to 6 times as many steps (1293 → 4229, 1038 → 6182, 5549 → 11507) at the
    same error, with two a third fewer (1204 → 830, 934 → 689) in no less time.

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
        refinements: after a step that did well, take so many more with the same factors, each of
            which costs as little as a gradient; needs `cholesky`.
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
    refinements: int = 0

    def __post_init__(self):
        if self.damping <= 0.0 or not self.factors or min(self.factors) <= 0.0:
            raise RecipeError(
                "Gauss–Newton needs a positive damping and at least one positive factor, got "
                f"damping={self.damping}, factors={self.factors}."
            )
        if self.factorisation not in ("qr", "cholesky"):
            raise RecipeError(f"factorisation= is 'qr' or 'cholesky', got {self.factorisation!r}.")
        if self.refinements and self.factorisation != "cholesky":
            raise RecipeError(
                "refinements= reuses Cholesky factors: give factorisation='cholesky' with it."
            )
        object.__setattr__(self, "factors", tuple(sorted(float(f) for f in self.factors)))

    def init(self, parameters: Parameters) -> DampingState:
        """Return the starting damping."""
        return DampingState(jnp.asarray(self.damping, parameters.dtype))

    def step(
        self, objective: AbstractObjective, parameters: Parameters, state: DampingState
    ) -> StepResult:
        """Try dampings from the smallest up, keep the first trusted step, and refine it."""
        model = _Model.at(objective, parameters, self)
        dampings = state.damping * jnp.asarray(self.factors, parameters.dtype)
        trial = _longest(model.attempt, dampings, self.acceptance)
        better = trial.gain > 0.0
        moved = jnp.where(better, parameters + trial.move, parameters)
        loss = model.loss - 0.5 * jnp.maximum(trial.gain, 0.0)
        if self.refinements:
            moved, loss = model.refined(trial.damping, moved, loss, self.refinements)
        longest = trial.damping == dampings[0]
        shrink = jnp.where(longest & (trial.ratio > 0.25), self.shrink, 1.0)
        damping = jnp.where(better, trial.damping * shrink, dampings[-1] * self.grow)
        eps = jnp.finfo(parameters.dtype).eps
        # Below, JᵀJ + λI is not positive.
        floor = 16.0 * eps if self.factorisation == "cholesky" else eps**2
        return StepResult(
            moved,
            DampingState(jnp.clip(damping, floor, 1e8)),
            moved,
            loss,
            ~better | (loss > self.progress * model.loss),
        )


class _Trial(NamedTuple):
    damping: Float[Array, ""]
    move: Float[Array, " parameters"]
    gain: Float[Array, ""]
    ratio: Float[Array, ""]


def _longest(
    attempt: Callable[[Array], _Trial], dampings: Float[Array, " trials"], acceptance: float
) -> _Trial:
    """Return the first trial that is trusted, from the smallest damping up, or the best of all."""

    def untrusted(state: tuple[Array, _Trial]) -> Array:
        index, best = state
        return (index < dampings.size) & ~((best.ratio >= acceptance) & (best.gain > 0.0))

    def another(state: tuple[Array, _Trial]) -> tuple[Array, _Trial]:
        index, best = state
        trial = attempt(dampings[index])
        trusted = (trial.ratio >= acceptance) & (trial.gain > 0.0)
        keep = trusted | (trial.gain > best.gain)
        return index + 1, jax.tree.map(lambda new, old: jnp.where(keep, new, old), trial, best)

    shapes = jax.eval_shape(attempt, dampings[0])
    nothing = jax.tree.map(lambda leaf: jnp.full(leaf.shape, -jnp.inf, leaf.dtype), shapes)
    return jax.lax.while_loop(untrusted, another, (jnp.zeros((), jnp.int32), nothing))[1]


@dataclass(frozen=True, eq=False)
class _Model:
    """The rows about one place, to first order, in units of the columns' `sizes`.

    Dampings are relative to `unit`; `normal` is JᵀJ and Jᵀr, absent where J is factorised itself.
    """

    objective: AbstractObjective
    parameters: Parameters
    rows: Float[Array, " rows"]
    jacobian: Float[Array, "rows parameters"]
    sizes: Float[Array, " parameters"]
    unit: Float[Array, ""]
    normal: tuple[Float[Array, "parameters parameters"], Float[Array, " parameters"]] | None

    @classmethod
    def at(cls, objective: AbstractObjective, parameters: Parameters, by: GaussNewton) -> "_Model":
        rows, jacobian = objective.linearise(parameters)
        sizes = column_sizes(jacobian) if by.scaled else jnp.ones_like(parameters)
        jacobian = jacobian / sizes[None]
        unit = jnp.sum(jacobian**2) / parameters.size
        exact = by.factorisation == "qr"
        normal = None if exact else (jacobian.T @ jacobian, jacobian.T @ rows)
        return cls(objective, parameters, rows, jacobian, sizes, unit, normal)

    @property
    def loss(self) -> Array:
        return 0.5 * jnp.sum(self.rows**2)

    def attempt(self, damping: Array) -> _Trial:
        """Return a step and what it gains, by trial and by the model."""
        if self.normal is None:
            move = damped_step(self.jacobian, self.rows, damping * self.unit)
        else:
            gram, gradient = self.normal
            factor = damped_factor(gram, damping * self.unit)
            move = -jax.scipy.linalg.cho_solve(factor, gradient)
        before = 2.0 * self.loss
        predicted = before - jnp.sum((self.rows + self.jacobian @ move) ** 2)
        move = move / self.sizes
        actual = before - jnp.sum(self.objective.rows(self.parameters + move) ** 2)
        actual = jnp.where(jnp.isfinite(actual), actual, -jnp.inf)
        return _Trial(damping, move, actual, actual / jnp.maximum(predicted, _tiny(predicted)))

    def refined(
        self, damping: Array, moved: Parameters, loss: Array, count: int
    ) -> tuple[Parameters, Array]:
        """Return parameters after further steps with the same factors, while they more than halve.

        Source: the simplified Newton method, Deuflhard (2011), Newton Methods for Nonlinear
        Problems, section 2.1.2, doi:10.1007/978-3-642-23899-4.
        """
        assert self.normal is not None
        factor = damped_factor(self.normal[0], damping * self.unit)

        def once(state: tuple[Array, Parameters, Array, Array]):
            taken, here, least, _ = state
            gradient = self.jacobian.T @ self.objective.rows(here)
            there = here - jax.scipy.linalg.cho_solve(factor, gradient) / self.sizes
            reached = 0.5 * jnp.sum(self.objective.rows(there) ** 2)
            lower = reached < least
            best = jnp.where(lower, there, here), jnp.where(lower, reached, least)
            return taken + 1, *best, reached < 0.25 * least

        begin = (jnp.zeros((), jnp.int32), moved, loss, loss < 0.25 * self.loss)
        return jax.lax.while_loop(lambda s: (s[0] < count) & s[3], once, begin)[1:3]


def _tiny(value: Array) -> float:
    return float(jnp.finfo(value.dtype).tiny)


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


def damped_factor(
    gram: Float[Array, "parameters parameters"], damping: Float[Array, ""]
) -> tuple[Array, bool]:
    """Return the Cholesky factor of JᵀJ + λI."""
    return jax.scipy.linalg.cho_factor(gram + damping * jnp.eye(gram.shape[0], dtype=gram.dtype))
