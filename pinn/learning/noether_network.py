"""Noether Networks: conserved quantities learned by what tailoring a prediction to them gains."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PyTree

from pinn.learning.arguments import called
from pinn.learning.errors import LearningError

States = Float[Array, "batch *state"]
Function = Callable[[Any], Any]


class NoetherNetwork(nnx.Module):
    """A predictor that is tailored, for each input, to conserve a quantity while it predicts.

    From a state x₀ the predictor f_θ rolls out x̃₁ … x̃_T. Before the answer is given, its parameters
    are moved, for this input alone, by gradient steps on the conservation loss of the charge g_φ,

        L(x₀; θ, φ) = Σ_t |g_φ(x₀) − g_φ(x̃_t)|²,    θ(x₀) = θ − λ ∇_θ L(x₀; θ, φ),

    and the answer is the rollout of f_θ(x₀). The whole is differentiable: a task loss trains θ and
    φ through the inner steps, so that g_φ becomes a quantity whose conservation helps. A charge
    that is constant is conserved by everything, gives no gradient, and so gains nothing.

    Source: Alet, Doblar, Zhou, Tenenbaum, Kawaguchi & Finn (2021), "Noether Networks: meta-learning
    useful conserved quantities", arXiv:2112.03321, algorithm 1.

    Args:
        predictor: f, a module from a batch of states to the next states, of the same shape where
            `steps` rolls them out.
        charge: g, a module or a function from a batch of states to numbers of any shape.
        inner_steps: how many gradient steps each input's parameters take; none is the predictor.
        inner_lr: λ, the length of an inner step.
        steps: T, how many states are rolled out; None predicts the next state only.
        against: what g is compared with: its value at the `initial` state, or at the `previous`
            one, which suits a quantity that is conserved only about.
        tailored: which of the predictor's parameters the inner steps move, a filter of Flax; by
            default all. For large networks, per-channel scales and offsets are enough.
        guarded: keep an input's tailored parameters only where they lowered its conservation loss.

    Raises:
        LearningError: the predictor is no module or has nothing to tailor, or a number is off.
    """

    def __init__(
        self,
        predictor: nnx.Module,
        charge: nnx.Module | Function,
        inner_steps: int = 1,
        inner_lr: float = 1e-2,
        *,
        steps: int | None = None,
        against: Literal["initial", "previous"] = "initial",
        tailored: Any = nnx.Param,
        guarded: bool = False,
    ):
        _check(predictor, charge, inner_steps, inner_lr, steps, against)
        self.predictor, self.charge = predictor, charge
        self.inner_steps, self.inner_lr = inner_steps, inner_lr
        self.steps, self.against = steps, against
        self.tailored, self.guarded = tailored, guarded
        if not jax.tree.leaves(nnx.state(predictor, tailored)):
            raise LearningError(
                f"The predictor {type(predictor).__name__} has no parameters that match "
                f"tailored={tailored!r}: give a Flax filter that does, as nnx.Param."
            )

    def __call__(self, states: States) -> Float[Array, "batch *prediction"]:
        """Return the tailored predictions, with a time axis after the batch where `steps` is given.

        Args:
            states: a batch of states; one vector is taken for one state.

        Raises:
            LearningError: the predictor or the charge does not take them.
        """
        states = jnp.asarray(states)
        parts = nnx.split(self.predictor)
        batch, charge = jnp.atleast_2d(states), self.charge
        called(self.predictor, batch, lambda x: nnx.merge(*parts, copy=True)(x))
        if isinstance(charge, nnx.Module):
            measure = nnx.split(charge)
            called(charge, batch, lambda x: nnx.merge(*measure, copy=True)(x))
        if states.ndim < 2:
            return self._each(jnp.atleast_1d(states)[None])[0]
        return self._each(states)

    def conservation_loss(self, states: States) -> Float[Array, "batch 2"]:
        """Return L of each state before and after tailoring."""
        parts, adapt = self._tailoring()

        def both(state: Array) -> Array:
            return jnp.stack([self._loss(parts, p, state) for p in (parts[1], adapt(state))])

        return jax.vmap(both)(states)

    def tailored_predictor(self, state: Float[Array, "*state"]) -> nnx.Module:
        """Return a copy of the predictor with the parameters that one state (no batch) gives it."""
        (graph, _, rest), adapt = self._tailoring()
        return nnx.merge(graph, adapt(state), rest)

    def _each(self, states: States) -> Array:
        parts, adapt = self._tailoring()
        predict = lambda state: self._rollout(parts, adapt(state), state)  # noqa: E731
        found = jax.vmap(predict)(states)
        return found[:, 0] if self.steps is None else found

    def _tailoring(self) -> tuple[tuple, Callable[[Array], PyTree[Array]]]:
        """Return the predictor in parts, and the map from one state to what is tailored to it."""
        parts = nnx.split(self.predictor, self.tailored, ...)

        def adapt(state: Array) -> PyTree[Array]:
            loss = lambda moved: self._loss(parts, moved, state)  # noqa: E731
            moved = parts[1]
            for _ in range(self.inner_steps):
                slope = jax.grad(loss)(moved)
                moved = jax.tree.map(lambda p, g: p - self.inner_lr * g, moved, slope)
            if self.guarded and self.inner_steps:
                better = loss(moved) < loss(parts[1])
                moved = jax.tree.map(lambda a, b: jnp.where(better, a, b), moved, parts[1])
            return moved

        return parts, adapt

    def _rollout(self, parts: tuple, moved: PyTree[Array], state: Array) -> Array:
        """Return the predicted states, one after the other along a first axis."""
        found, steps = [], self.steps or 1
        for _ in range(steps):
            predicted = nnx.merge(parts[0], moved, parts[2])(state[None])[0]
            if steps > 1 and predicted.shape != state.shape:
                raise LearningError(
                    f"A rollout of {steps} steps needs a predictor from states of shape "
                    f"{state.shape} to states of that shape, got {predicted.shape}: leave steps= "
                    "out, or let the predictor return whole states."
                )
            state = predicted.astype(state.dtype)
            found.append(predicted)
        return jnp.stack(found)

    def _loss(self, parts: tuple, moved: PyTree[Array], state: Array) -> Float[Array, ""]:
        """Return L of one state for some values of what is tailored."""
        predicted = self._rollout(parts, moved, state)
        values = [jnp.ravel(self.charge(x[None])) for x in (state, *predicted)]
        base = [values[0]] * len(predicted) if self.against == "initial" else values[:-1]
        gaps = [jnp.sum((b - v) ** 2) for b, v in zip(base, values[1:], strict=True)]
        return jnp.sum(jnp.stack(gaps))


def _check(
    predictor: Any, charge: Any, inner_steps: int, inner_lr: float, steps: int | None, against: str
) -> None:
    if not isinstance(predictor, nnx.Module):
        raise LearningError(
            f"predictor= must be a flax.nnx.Module, got {type(predictor).__name__}: only a "
            "module's parameters can be tailored."
        )
    if not callable(charge):
        raise LearningError(
            f"charge= must map a batch of states to numbers, got {type(charge).__name__}: give a "
            "module or a function."
        )
    if inner_steps < 0 or (steps is not None and steps < 1) or not inner_lr >= 0.0:
        raise LearningError(
            "A Noether network needs inner_steps ≥ 0, inner_lr ≥ 0 and steps ≥ 1, got "
            f"{inner_steps}, {inner_lr} and {steps}."
        )
    if against not in ("initial", "previous"):
        raise LearningError(f"against= is 'initial' or 'previous', got {against!r}.")
