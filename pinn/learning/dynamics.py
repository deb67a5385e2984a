"""Learning as mechanics: gradient flow, and the Lagrangian of a rule with momentum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.learning.arguments import check_loss
from pinn.learning.errors import LearningError
from pinn.learning.rules import LearningRule
from pinn.learning.symmetries import Symmetry

Cost = Callable[[Array], Array]


def gradient_flow(
    cost: Cost,
    start: Float[Array, " parameters"],
    times: Float[np.ndarray, " times"],
    *,
    steps: int,
    solver: diffrax.AbstractSolver | None = None,
) -> Float[Array, "times parameters"]:
    """Return θ(t) of θ̇ = −∇L by a diffrax solver with so many equal steps.

    Charges stay as they are up to the solver's order: descent is Euler's method of it.

    Args:
        cost: L(θ).
        start: θ(0).
        times: rising, from 0.
        steps: equal steps up to the last time.
        solver: Dormand and Prince's of order 5 when absent.

    Raises:
        LearningError: the cost is not a scalar, times do not rise, or there is no step.
    """
    _check(cost, start, times, steps)
    term = diffrax.ODETerm(lambda t, y, args: -jax.grad(cost)(y))
    return _solved(term, solver or diffrax.Dopri5(), jnp.asarray(start), times, steps)


def _solved(term: Any, solver: Any, start: Any, times: Any, steps: int) -> Any:
    times = jnp.asarray(times, float)
    controller = diffrax.ConstantStepSize()
    width = (times[-1] - times[0]) / steps
    saved = diffrax.SaveAt(ts=times)
    return diffrax.diffeqsolve(
        term, solver, times[0], times[-1], width, start, saveat=saved,
        stepsize_controller=controller, max_steps=steps + 8,
    ).ys  # fmt: skip


@dataclass(frozen=True)
class KineticBalance:
    """Both sides of Noether's law of a rule's Lagrangian, along one trajectory.

    Args:
        times: t.
        momentum: ⟨m θ̇, v⟩, by symmetry.
        work: e^{−γt} ∫₀ᵗ e^{γs} m ⟨θ̇, (∂v) θ̇⟩ ds: what kinetic symmetry breaking has added.
        gap: momentum less its start's decay e^{−γt} and less `work`.
    """

    times: Float[np.ndarray, " times"]
    momentum: Float[np.ndarray, "times symmetries"]
    work: Float[np.ndarray, "times symmetries"]
    gap: Float[np.ndarray, "times symmetries"]


def kinetic_balance(
    cost: Cost,
    symmetries: tuple[Symmetry, ...],
    rule: LearningRule,
    start: Float[Array, " parameters"],
    velocity: Float[Array, " parameters"],
    times: Float[np.ndarray, " times"],
    *,
    steps: int = 2000,
) -> KineticBalance:
    """Return Noether's law along the flow of a learning rule's Lagrangian, without weight decay.

        d/dt ⟨m θ̇, v⟩ + γ ⟨m θ̇, v⟩ = m ⟨θ̇, (∂v) θ̇⟩

    for m θ̈ + (1 − β) θ̇ + ∇L = 0 and ⟨∇L, v⟩ = 0: the right side, by which the kinetic energy breaks
    the symmetry of the loss, is 0 for translations and m ‖θ̇_A‖² for scales (Tanaka & Kunin,
    Noether's Learning Dynamics, 2021, arXiv:2105.02716). It is accumulated beside the trajectory.

    Args:
        cost: L(θ).
        symmetries: of the loss.
        rule: its momentum and step make mass and friction.
        start: θ(0).
        velocity: θ̇(0).
        times: rising, from 0.
        steps: of the integrator, of order 5.

    Raises:
        LearningError: the cost is not a scalar, times do not rise, there is no step or no symmetry,
            a symmetry is of another model, or the rule has weight decay.
    """
    _check(cost, start, times, steps)
    _check_charges(symmetries, np.size(start), rule)
    if np.shape(velocity) != np.shape(start):
        raise LearningError(
            f"velocity= must have the shape of start=, {np.shape(start)}, got {np.shape(velocity)}."
        )
    mass, friction = rule.mass, rule.friction

    def rates(t: Any, y: Any, args: Any) -> Any:
        position, speed, work = y
        force = -jax.grad(cost)(position) - mass * friction * speed
        gained = jnp.stack([2.0 * mass * s.second(speed) for s in symmetries])
        return speed, force / mass, gained - friction * work

    begin = (jnp.asarray(start), jnp.asarray(velocity), jnp.zeros(len(symmetries)))
    path = _solved(diffrax.ODETerm(rates), diffrax.Dopri5(), begin, times, steps)
    positions, speeds, work = (np.asarray(part) for part in path)
    momentum = mass * np.stack(
        [[s.along(p, u) for s in symmetries] for p, u in zip(positions, speeds, strict=True)]
    )
    decayed = np.exp(-friction * np.asarray(times))[:, None] * momentum[:1]
    return KineticBalance(np.asarray(times), momentum, work, momentum - decayed - work)


@dataclass(frozen=True)
class MeasuredBalance:
    """The same law in the steps that an optimiser took, by differences of its trajectory.

    Args:
        left: d/dt ⟨mθ̇, v⟩ + γ ⟨mθ̇, v⟩ at every inner step.
        right: m ⟨θ̇, (∂v) θ̇⟩ there.
    """

    left: Float[np.ndarray, "steps symmetries"]
    right: Float[np.ndarray, "steps symmetries"]


def measured_balance(
    path: Float[np.ndarray, "steps parameters"],
    symmetries: tuple[Symmetry, ...],
    rule: LearningRule,
) -> MeasuredBalance:
    """Return both sides of the kinetic law along a recorded trajectory of the rule.

    By central differences in t = η(1 − τ) · step, in which the rule without weight decay is its
    equation of motion to the last bit: both sides agree to round-off, for any η.

    Args:
        path: θ at every step.
        symmetries: of the loss.
        rule: what made the path.

    Raises:
        LearningError: the path has fewer than 3 steps, there is no symmetry, one is of another
            model, or the rule has weight decay.
    """
    path = np.asarray(path, float)
    if path.ndim != 2 or len(path) < 3:
        raise LearningError(
            f"A path is the parameters at 3 steps or more, steps × parameters, got the shape "
            f"{path.shape}."
        )
    _check_charges(symmetries, path.shape[1], rule)
    speed = (path[2:] - path[:-2]) / (2.0 * rule.step)
    force = (path[2:] - 2.0 * path[1:-1] + path[:-2]) / rule.step**2
    left, right = [], []
    for position, u, acceleration in zip(path[1:-1], speed, force, strict=True):
        own = [2.0 * rule.mass * s.second(u) for s in symmetries]
        pushed = [rule.mass * s.along(position, acceleration) for s in symmetries]
        momentum = [rule.mass * s.along(position, u) for s in symmetries]
        right.append(own)
        left.append(np.array(own) + pushed + rule.friction * np.array(momentum))
    return MeasuredBalance(np.array(left), np.array(right))


def _check(cost: Cost, start: Any, times: Any, steps: int) -> None:
    check_loss(cost, jnp.asarray(start))
    times = np.asarray(times, float)
    if times.ndim != 1 or len(times) < 2 or not np.all(np.diff(times) > 0.0) or steps < 1:
        raise LearningError(
            f"A flow needs two times or more that rise, and steps ≥ 1, got times={times} and "
            f"steps={steps}."
        )


def _check_charges(symmetries: tuple[Symmetry, ...], size: int, rule: LearningRule) -> None:
    if not symmetries:
        raise LearningError("symmetries= holds none: give those of learning.symmetries(model).")
    largest = max(int(max((*s.p, *s.q, *s.k))) for s in symmetries)
    if largest >= size:
        raise LearningError(
            f"The symmetries are of a model with more than {size} parameters, as many as there are "
            "here: give those of this model."
        )
    if rule.weight_decay:
        raise LearningError(
            f"The kinetic law is that of a rule without weight decay, got {rule.weight_decay}: "
            "learning.monitor follows charges under it."
        )
