"""What training does to the charges of a model, step by step, beside what it should."""

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from jaxtyping import Float

from pinn.learning.charges import Charges, conserved
from pinn.learning.errors import LearningError
from pinn.learning.flat import flat_of
from pinn.learning.rules import LearningRule, recognised


@dataclass(eq=False)
class Monitor:
    """An optimiser that records the charges of the model it trains.

    Its prediction is the exact law of the rule: with updates δ and c(θ + δ) = c + ⟨v, δ⟩ + Q(δ),

        c⁺ = c + Q(δ) − η q,   q⁺ = β (q − 2 Q(δ⁻)/η) + λ ⟨v, θ⟩

    which uses that gradients are orthogonal to v, and nothing else of them: for plain descent
    ‖θ⁺‖² = (1 − ηλ)² ‖θ‖² + η² ‖g‖², and −½ η² ‖g_V‖² a step for s − ½ ‖V‖². An optimiser that is
    no such rule, as Adam, is measured against q = 0, as if its updates were orthogonal to v.

    Args:
        optimiser: an `nnx.Optimizer`, or the Optax transformation to make one of.
        rule: what it follows, or nothing.
        found: what is recorded, once it is known.
    """

    optimiser: Any
    rule: LearningRule | None
    found: Charges | None
    _values: list[np.ndarray] = field(default_factory=list)
    _laws: list[np.ndarray] = field(default_factory=list)
    _carried: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def charges(self) -> Charges:
        """What is recorded.

        Raises:
            LearningError: nothing is yet, before the first update.
        """
        if self.found is None:
            raise LearningError(
                "The monitor has no charges before the first update: call update(model, grads), or "
                "give monitor(optimiser, charges=learning.conserved(model))."
            )
        return self.found

    def update(self, model: nnx.Module, grads: Any, **options: Any) -> None:
        """Update the model as the optimiser does, and record.

        Raises:
            LearningError: there are no gradients.
        """
        if not jax.tree.leaves(grads):
            raise LearningError(
                f"update takes the gradients of a loss as its second argument, got {grads!r}: give "
                "those of nnx.grad(loss)(model)."
            )
        if self.found is None:
            self.found = conserved(model)
        if not hasattr(self.optimiser, "tx"):
            with jax.numpy_dtype_promotion("standard"):
                self.optimiser = nnx.Optimizer(model, self.optimiser, wrt=nnx.Param)
        before = flat_of(model)
        if not self._values:
            self._values.append(self.charges(model))
            self._laws.append(self._values[0])
        with jax.numpy_dtype_promotion("standard"):  # Optax multiplies integer counts by floats
            self.optimiser.update(model, grads, **options)
        step = flat_of(model) - before
        self._values.append(self.charges(model))
        self._laws.append(self._laws[-1] + self._change(before, step))

    def _change(self, before: np.ndarray, step: np.ndarray) -> np.ndarray:
        second = np.array([s.second(step) for s in self.charges.symmetries])
        if self.rule is None:
            return second
        rule = self.rule
        decay = [s.along(before, before) for s in self.charges.symmetries]
        pull = rule.weight_decay * np.array(decay)
        if self._carried is not None:
            carried, spent = self._carried
            pull = pull + rule.momentum * (carried - 2.0 * spent / rule.step)
        self._carried = (pull, second)
        return second - rule.step * pull

    @property
    def charge(self) -> Float[np.ndarray, "steps charges"]:
        """The charges, from before the first step on."""
        return np.array(self._values)

    @property
    def prediction(self) -> Float[np.ndarray, "steps charges"]:
        """What the law makes of the first values."""
        return np.array(self._laws)

    @property
    def gap(self) -> Float[np.ndarray, "steps charges"]:
        """Charge less prediction: round-off, or by how much the optimiser breaks the law."""
        return self.charge - self.prediction

    @property
    def drift(self) -> Float[np.ndarray, "steps charges"]:
        """Charge less its first value: zero under gradient flow."""
        return self.charge - self.charge[:1]

    def effective_rate(self, charge: int) -> Float[np.ndarray, "steps measured_predicted"]:
        """Return η/‖θ‖² of a scale charge, as it was and as the law has it.

        A normalised layer sees only the direction of its weights, which turn by η/‖θ‖² times the
        gradient at unit norm: that is the rate that counts, and it falls as the norm grows.

        Raises:
            LearningError: the charge is not that of a scale symmetry, or the rule is unknown.
        """
        kind = self.charges.symmetries[charge].kind
        if kind != "scale" or self.rule is None:
            raise LearningError(
                "An effective rate belongs to a scale charge of a model trained by descent, got "
                f"{'a ' + kind if kind != 'scale' else 'an optimiser that is none'}: choose one of "
                "learning.symmetries(model) whose kind is 'scale', and optax.sgd."
            )
        both = np.stack([self.charge[:, charge], self.prediction[:, charge]], 1)
        return self.rule.step / both


def monitor(
    optimiser: nnx.Optimizer | optax.GradientTransformation | LearningRule,
    charges: Charges | None = None,
) -> Monitor:
    """Return an optimiser that records charge, prediction and gap at every step.

    Use its `update(model, grads)` in place of the optimiser's own.

    Args:
        optimiser: of a model; or an Optax transformation or a learning rule.
        charges: what to record; all that `learning.conserved(model)` finds when absent.

    Raises:
        LearningError: it is none of these.
    """
    if isinstance(optimiser, LearningRule):
        return Monitor(optimiser.transformation, optimiser, charges)
    if not hasattr(getattr(optimiser, "tx", optimiser), "update"):
        raise LearningError(
            "optimiser= must be an nnx.Optimizer, an Optax transformation or a "
            f"learning.LearningRule, got {optimiser!r}: give one as in optax.sgd(0.1)."
        )
    return Monitor(optimiser, recognised(getattr(optimiser, "tx", optimiser)), charges)
