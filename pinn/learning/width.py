"""Networks of growing width, and the infinite one that they tend to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.learning.errors import LearningError
from pinn.learning.flat import FlatModel, flat_model, flat_of
from pinn.precision import arithmetic

Points = Float[np.ndarray, "samples inputs"]


class Wide(nnx.Module):
    """f(x) = n^{−1/2} Σ a_i σ(w_i · x + b_i), with all parameters of unit variance, σ = erf.

    The factor in front makes the tangent kernel have a limit (Jacot, Gabriel & Hongler 2018).
    """

    def __init__(self, inputs: int, width: int, seed: int = 0):
        draw = np.random.default_rng(seed)
        self.first = nnx.Param(jnp.asarray(draw.normal(size=(inputs + 1, width))))
        self.last = nnx.Param(jnp.asarray(draw.normal(size=width)))

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, " batch"]:
        """Evaluate."""
        whole = jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], -1)
        hidden = jax.scipy.special.erf(whole @ self.first[...])
        return hidden @ self.last[...] / self.last.shape[0] ** 0.5


def tangent_kernel(model: nnx.Module, inputs: Any) -> Float[np.ndarray, "outputs outputs"]:
    """Return Θ = J Jᵀ of all outputs on all inputs, for any model, in double precision.

    Args:
        model: any NNX module.
        inputs: batch first.

    Raises:
        LearningError: the model cannot be called with the inputs, or draws at random.
    """
    with arithmetic("float64"):
        flat = flat_model(model, inputs, None)
        inputs = jnp.asarray(flat.inputs)
        slopes = jax.jit(jax.jacrev(lambda p: flat.call(p, inputs).ravel()))(
            jnp.asarray(flat_of(model))
        )
        return np.asarray(slopes @ slopes.T)


def infinite_kernel(inputs: Points, others: Points | None = None) -> Float[np.ndarray, "m n"]:
    """Return the tangent kernel of `Wide` at infinite width, in closed form.

    Θ = E[σσ'] + (x·x' + 1) E[σ̇σ̇'], with E[erf erf] = (2/π) asin(2s/√((1+2p)(1+2q))) and
    E[erf' erf'] = (4/π)/√((1+2p)(1+2q) − 4s²) (C. K. I. Williams, Computing with infinite networks,
    Neural Computation 10, 1998, doi:10.1162/089976698300017412).
    """
    x = np.concatenate([inputs, np.ones((len(inputs), 1))], 1)
    y = x if others is None else np.concatenate([others, np.ones((len(others), 1))], 1)
    product = x @ y.T
    sizes = (1.0 + 2.0 * np.sum(x**2, 1))[:, None] * (1.0 + 2.0 * np.sum(y**2, 1))[None]
    values = 2.0 / np.pi * np.arcsin(2.0 * product / np.sqrt(sizes))
    return values + product * 4.0 / np.pi / np.sqrt(sizes - 4.0 * product**2)


def predicted_curve(
    kernel: Float[np.ndarray, "n n"], residual: Float[np.ndarray, " n"], rate: float, steps: int
) -> Float[np.ndarray, " steps"]:
    """Return ½ ‖r‖² under descent with a kernel that stays: r_k = (1 − ηΘ)^k r₀, by eigenvalues."""
    values, modes = np.linalg.eigh(kernel)
    along = modes.T @ residual
    return np.array(
        [0.5 * np.sum(((1.0 - rate * values) ** k * along) ** 2) for k in range(steps + 1)]
    )


@dataclass(frozen=True)
class WidthSweep:
    """How networks of growing width come near to the infinite one.

    Args:
        widths: n.
        kernel: ‖Θ_n − Θ_∞‖ / ‖Θ_∞‖ before training, by width and seed.
        moved: how far training moved the kernel, ‖Θ_n(end) − Θ_n(0)‖ / ‖Θ_∞‖.
        losses: ½ ‖f − y‖² at every step of descent, of the first seed.
        predicted: the same by the infinite kernel from the same first residual.
        gap: the largest |loss − predicted| relative to the first loss.
    """

    widths: tuple[int, ...]
    kernel: Float[np.ndarray, "widths seeds"]
    moved: Float[np.ndarray, "widths seeds"]
    losses: Float[np.ndarray, "widths steps"]
    predicted: Float[np.ndarray, "widths steps"]
    gap: Float[np.ndarray, "widths seeds"]

    @property
    def rate(self) -> float:
        """The power of the width by which the kernel's mean distance falls; ½ in theory."""
        distance = np.sqrt(np.mean(self.kernel**2, axis=1))
        return -float(np.polyfit(np.log(self.widths), np.log(distance), 1)[0])

    def table(self) -> str:
        """Return one line a width."""
        lines = [f"{'width':>7}{'kernel':>11}{'moved':>11}{'loss gap':>11}"]
        for place, width in enumerate(self.widths):
            means = (part[place].mean() for part in (self.kernel, self.moved, self.gap))
            lines.append(f"{width:>7}" + "".join(f"{m:>11.2e}" for m in means))
        return "\n".join(lines)

    __str__ = table


def width_sweep(
    inputs: Points,
    targets: Float[np.ndarray, " samples"],
    widths: Sequence[int] = (32, 128, 512, 2048),
    *,
    seeds: int = 4,
    steps: int = 100,
) -> WidthSweep:
    """Train networks of growing width by descent, beside the infinite network's prediction.

    The rate is that of the infinite kernel's largest eigenvalue, 1/μ₁.

    Raises:
        LearningError: inputs and targets do not match, or a width below one.
    """
    inputs, targets = np.asarray(inputs, float), np.asarray(targets, float)
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1] or min(widths, default=0) < 1:
        raise LearningError(
            "A width sweep needs inputs of shape (samples, inputs), as many targets and widths of "
            f"one or more, got shapes {inputs.shape} and {targets.shape} and widths {widths}."
        )
    limit = infinite_kernel(inputs)
    rate = 1.0 / float(np.linalg.eigvalsh(limit)[-1])
    with arithmetic("float64"):
        runs = [_runs(inputs, targets, limit, width, seeds, rate, steps) for width in widths]
    return WidthSweep(tuple(widths), *(np.stack(column) for column in zip(*runs, strict=True)))


def _runs(
    inputs: Points,
    targets: np.ndarray,
    limit: np.ndarray,
    width: int,
    seeds: int,
    rate: float,
    steps: int,
) -> tuple[np.ndarray, ...]:
    """Return kernel, moved, losses, predicted and gap of one width, in this order."""
    models = [Wide(inputs.shape[1], width, seed) for seed in range(seeds)]
    flat = FlatModel(models[0], inputs)
    x, y = jnp.asarray(inputs), jnp.asarray(targets)
    miss = lambda p: flat.call(p, x) - y  # noqa: E731

    def run(begin: Array) -> tuple[Array, ...]:
        def once(p: Array, _: None) -> tuple[Array, Array]:
            residual, pull = jax.vjp(miss, p)
            return p - rate * pull(residual)[0], 0.5 * jnp.sum(residual**2)

        end, losses = jax.lax.scan(once, begin, None, steps + 1)
        slopes = [jax.jacrev(miss)(p) for p in (begin, end)]
        return (*[s @ s.T for s in slopes], losses, miss(begin))

    begins = jnp.asarray(np.stack([flat_of(model) for model in models]))
    first, last, losses, residual = map(np.asarray, jax.jit(jax.vmap(run))(begins))
    predicted = np.stack([predicted_curve(limit, r, rate, steps) for r in residual])
    norm = lambda kernels: np.linalg.norm(kernels, axis=(1, 2)) / np.linalg.norm(limit)  # noqa: E731
    gap = np.abs(losses - predicted).max(1) / predicted[:, 0]
    return norm(first - limit), norm(last - first), losses[0], predicted[0], gap
