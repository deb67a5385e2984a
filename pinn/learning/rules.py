"""Learning rules of the descent family, recognised by what they do, and their mechanics."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from pinn.learning.errors import LearningError
from pinn.precision import arithmetic


@dataclass(frozen=True)
class LearningRule:
    """m⁺ = β m + (1 − τ)(g + λ θ), θ⁺ = θ − η m⁺: descent with momentum and weight decay.

    As a mechanical system it is m θ̈ + (1 − β) θ̇ + ∇(f + ½ λ ‖θ‖²) = 0 in the time η (1 − τ) · step,
    of the Lagrangian e^{γt} (½ m ‖θ̇‖² − f − ½ λ ‖θ‖²) (Tanaka & Kunin, Noether's Learning Dynamics,
    2021, arXiv:2105.02716).

    Args:
        rate: η.
        momentum: β.
        weight_decay: λ.
        dampening: τ.
    """

    rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    dampening: float = 0.0

    def __post_init__(self):
        if not (self.rate > 0.0 and 0.0 <= self.momentum < 1.0 and 0.0 <= self.dampening < 1.0):
            raise LearningError(
                "A learning rule needs rate > 0, 0 ≤ momentum < 1 and 0 ≤ dampening < 1, got "
                f"{self}."
            )

    @property
    def step(self) -> float:
        """The time of one step, η (1 − τ)."""
        return self.rate * (1.0 - self.dampening)

    @property
    def mass(self) -> float:
        """The mass m = η (1 − τ)(1 + β) / 2."""
        return 0.5 * self.step * (1.0 + self.momentum)

    @property
    def friction(self) -> float:
        """The rate γ of e^{γt}, with m γ = 1 − β."""
        return (1.0 - self.momentum) / self.mass

    @property
    def transformation(self) -> optax.GradientTransformation:
        """The rule as an Optax transformation."""
        return optax.chain(
            optax.add_decayed_weights(self.weight_decay),
            optax.scale(1.0 - self.dampening),
            optax.trace(self.momentum),
            optax.scale(-self.rate),
        )

    def oscillator(
        self, times: Float[np.ndarray, " times"], start: float, speed: float, degree: int = 1
    ) -> Float[np.ndarray, " times"]:
        """Return the free motion of a charge, c̈ + 2γ' ċ + ω² c = 0.

        γ' = (1 − β)/[η(1 − τ)(1 + β)] and ω² = 2λ/[η(1 − τ)(1 + β)] for a charge that is linear in
        θ (translation), twice that for a quadratic one (scale, rescale), which is forced besides by
        2 ‖θ̇‖² (Kunin et al., Neural Mechanics, 2021, arXiv:2012.04728).

        Args:
            times: from 0, in units of η(1 − τ) a step.
            start: c(0).
            speed: ċ(0).
            degree: 1 or 2.
        """
        decay, square = 0.5 * self.friction, degree * self.weight_decay / self.mass
        root = np.sqrt(complex(decay**2 - square))
        times = np.asarray(times, float)
        if root == 0.0:
            return np.exp(-decay * times) * (start + (speed + decay * start) * times)
        swing = np.cosh(root * times), np.sinh(root * times) / root
        return np.real(
            np.exp(-decay * times) * (start * swing[0] + (speed + decay * start) * swing[1])
        )


def recognised(optimiser: Any) -> LearningRule | None:
    """Return the rule that an Optax transformation follows, found by what it does; else nothing.

    Three rates are read from its answers to unit gradients, and checked on random ones. Only
    η(1 − τ) is seen of rate and dampening, and only it matters.
    """
    with arithmetic("float64"), jax.numpy_dtype_promotion("standard"):
        try:
            one = jnp.ones(1)
            state = optimiser.init(one)
            move, state = optimiser.update(one, state, 0.0 * one)
            again, _ = optimiser.update(0.0 * one, state, 0.0 * one)
            decay, _ = optimiser.update(0.0 * one, optimiser.init(one), one)
            rate = -float(move[0])
            rule = LearningRule(rate, float(again[0]) / -rate, float(decay[0]) / -rate)
        except (LearningError, TypeError, ValueError, ZeroDivisionError):
            return None
        return rule if _follows(optimiser, rule) else None


def _follows(optimiser: Any, rule: LearningRule) -> bool:
    draw = np.random.default_rng(0)
    flat, trail = jnp.asarray(draw.normal(size=3)), jnp.zeros(3)
    state = optimiser.init(flat)
    for _ in range(5):
        slope = jnp.asarray(draw.normal(size=3))
        step, state = optimiser.update(slope, state, flat)
        trail = rule.momentum * trail + slope + rule.weight_decay * flat
        gap = jnp.max(jnp.abs(step + rule.rate * trail))
        if not gap <= 1e-12 * rule.rate * (1.0 + jnp.max(jnp.abs(trail))):
            return False
        flat = flat + step
    return True
