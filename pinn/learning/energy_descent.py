"""Energy-conserving descent: momentum that can only spend the energy it has, as in mechanics."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree
from optax import tree

from pinn.learning.energy_ledger import EnergyLedger
from pinn.learning.errors import LearningError
from pinn.learning.momenta import directed, reflected, resized, size, square, turned

Number = Float[Array, ""]


class _Law(NamedTuple):
    """A Hamiltonian of the momentum π and of V, the loss above its minimum.

    Args:
        potential: U(V).
        kinetic: K(|π|², V), zero at rest.
        square: |π|² that carries a kinetic energy, from (K, V).
        force: −dπ/dt as a multiple of ∇V, from (V, E).
        velocity: dθ/dt as a multiple of π, from (V, E, |π|²).
    """

    potential: Callable[[Array], Array]
    kinetic: Callable[[Array, Array], Array]
    square: Callable[[Array, Array], Array]
    force: Callable[[Array, Array], Array]
    velocity: Callable[[Array, Array, Array], Array]


class EnergyDescentState(NamedTuple):
    """What the optimiser remembers.

    Args:
        momentum: π, like the parameters.
        moved: the last update.
        energy: E, the account.
        best: the least loss seen.
        since: steps since it was seen, or since the last bounce.
        count: steps taken.
        ledger: where the energy is.
    """

    momentum: PyTree[Array]
    moved: PyTree[Array]
    energy: Number
    best: Number
    since: Int[Array, ""]
    count: Int[Array, ""]
    ledger: EnergyLedger


def energy_conserving_descent(
    learning_rate: float,
    *,
    method: Literal["bbi", "separable"] = "bbi",
    minimum: float = 0.0,
    extra_energy: float = 0.0,
    exponent: float = 1.0,
    softening: float = 1.0,
    patience: int = 200,
    bounce_every: int = 100,
    early_bounces: int = 0,
    deflection: float = 0.0,
    members: int | None = None,
    seed: int = 0,
) -> optax.GradientTransformationExtraArgs:
    """Return descent by Hamiltonian motion without friction, as an Optax transformation.

    With V = F(θ) − F₀ of a loss F, the parameters move by one of two Hamiltonians,

        bbi:        H = √(V (V + |π|²)),             U = V,        speed below √V
        separable:  H = η log V + log(1 + |π|²/s),   U = η log V,

    which slow down where the loss is small instead of by friction. Each step begins by rescaling π,
    so that U + K is the account E to round-off: what the loss does not hold is what the momentum
    has, and no step can be paid for twice. Then π is kicked by −∂H/∂θ and θ moves by ∂H/∂π. A step
    to where U > E is taken back, and π is reflected off the slope there.

    `update` needs the loss: `update(gradient, state, parameters, value=loss)`. An ensemble shares
    one account: stack the members' parameters along a first axis of every leaf, pass `members` and
    the losses as an array; energy flows between members through their common sum.

    Source: De Luca & Silverstein (2022), arXiv:2201.11137, section 3 (`bbi`); De Luca, Gatti &
    Silverstein (2023), arXiv:2306.00352 (`separable`). The reflection is ours, in place of a stop.

    Args:
        learning_rate: Δt.
        method: `bbi` or `separable`.
        minimum: F₀, the least loss there can be, 0 for sums of squares. Losses below it are
            counted as just above it.
        extra_energy: E − U at the start; with none, the parameters start from rest.
        exponent: η of `separable`.
        softening: s of `separable`, the square of the momentum that carries the energy log 2.
        patience: steps without a new least loss after which the direction of π is drawn anew.
        bounce_every: steps between the early bounces.
        early_bounces: how often the direction is drawn anew whatever the loss does.
        deflection: at each step π is turned by about this angle in a random direction; its size
            stays.
        members: how many members an ensemble has; None is a single set of parameters.
        seed: of the random directions.

    Raises:
        LearningError: a number is off; in `update`, the loss is missing or has another shape.
    """
    _check(learning_rate, method, extra_energy, exponent, softening, members)
    _check_bounces(patience, bounce_every, early_bounces, deflection)
    law = _born_infeld() if method == "bbi" else _separable(exponent, softening)
    shape = () if members is None else (members,)

    def init(params: PyTree[Array]) -> EnergyDescentState:
        _check_members(params, members)
        dtype = jnp.result_type(*jax.tree.leaves(params))
        zero, none = jnp.zeros((), dtype), jnp.zeros((), jnp.int32)
        still, each = jax.tree.map(jnp.zeros_like, params), jnp.zeros(shape, dtype)
        ledger = EnergyLedger(zero, zero, zero, zero, none, none, each, each)
        return EnergyDescentState(still, still, zero, zero + jnp.inf, none, none, ledger)

    def update(
        updates: PyTree[Array],
        state: Any,
        params: PyTree[Array] | None = None,
        *,
        value: Any = None,
        **others: Any,
    ) -> tuple[PyTree[Array], EnergyDescentState]:
        del params, others
        losses = _above(_losses(value, shape, state.energy.dtype), minimum)
        loss, potential = jnp.sum(losses), law.potential(jnp.sum(losses))
        first = state.count == 0
        energy = jnp.where(first, potential + extra_energy, state.energy)
        left = energy - potential
        room = 16.0 * jnp.finfo(loss.dtype).eps * (jnp.abs(energy) + jnp.abs(potential))
        forbidden = left < -room
        left = jnp.maximum(left, 0.0)

        before = law.kinetic(square(state.momentum), loss)
        key = jax.random.fold_in(jax.random.key(seed), state.count)
        noise = tree.random_like(key, updates)
        momentum = directed(state.momentum, updates, noise)
        momentum = resized(momentum, jnp.sqrt(law.square(left, loss)))
        momentum = turned(momentum, deflection, key) if deflection else momentum
        since = jnp.where(loss < state.best, 0, state.since + 1)
        early = (state.count + 1) % bounce_every == 0
        early = early & (state.count < bounce_every * early_bounces)
        bounce = (early | (since >= patience)) & ~forbidden
        momentum = tree.where(bounce, resized(noise, size(momentum)), momentum)
        kinetic = law.kinetic(square(momentum), loss)

        ledger = EnergyLedger(
            kinetic,
            potential,
            kinetic + potential,
            jnp.where(first, 0.0, before - left),
            state.ledger.bounces + jnp.where(bounce, 1, 0),
            state.ledger.reflections,
            kinetic * _shares(momentum, shape),
            losses,
        )
        kept = state.ledger._replace(reflections=state.ledger.reflections + 1)
        kicked = jax.tree.map(
            lambda p, g: p - learning_rate * law.force(loss, energy) * g, momentum, updates
        )
        speed = learning_rate * law.velocity(loss, energy, square(kicked))
        forward = jax.tree.map(lambda p: speed * p, kicked)
        back = jax.tree.map(jnp.negative, state.moved)
        still = jax.tree.map(jnp.zeros_like, back)
        moved = tree.where(forbidden, back, forward)
        return moved, EnergyDescentState(
            tree.where(forbidden, reflected(state.momentum, updates), kicked),
            tree.where(forbidden, still, forward),
            energy,
            jnp.minimum(loss, state.best),
            jnp.where(bounce, 0, since),
            state.count + 1,
            jax.tree.map(lambda a, b: jnp.where(forbidden, a, b), kept, ledger),
        )

    return optax.GradientTransformationExtraArgs(init, update)


def _born_infeld() -> _Law:
    return _Law(
        lambda v: v,
        # √(V² + Vπ²) − V without cancellation.
        lambda square, v: v * square / (jnp.sqrt(v * (v + square)) + v),
        lambda k, v: k * (k + 2.0 * v) / v,
        lambda v, energy: 0.5 * (v / energy + energy / v),
        lambda v, energy, square: v / energy,
    )


def _separable(exponent: float, softening: float) -> _Law:
    return _Law(
        lambda v: exponent * jnp.log(v),
        lambda square, v: jnp.log1p(square / softening),
        lambda k, v: softening * jnp.expm1(k),
        lambda v, energy: exponent / v,
        lambda v, energy, square: 2.0 / (softening + square),
    )


def _losses(value: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    if value is None:
        raise LearningError(
            "Energy-conserving descent needs the loss beside its gradient: call "
            "update(gradient, state, parameters, value=loss)."
        )
    if jnp.shape(value) != shape:
        raise LearningError(
            f"The loss must have the shape {shape}, one number for each member, got "
            f"{jnp.shape(value)}: pass members= for an ensemble, and one scalar otherwise."
        )
    return jnp.asarray(value, dtype)


def _above(losses: Array, minimum: float) -> Array:
    """Return losses above their minimum, kept from zero, where both Hamiltonians are singular."""
    return jnp.maximum(losses - minimum, jnp.finfo(losses.dtype).tiny ** 0.25)


def _shares(momentum: PyTree[Array], shape: tuple[int, ...]) -> Array:
    """Return each member's share of |π|²."""
    whole = square(momentum)
    if not shape:
        return jnp.ones_like(whole)
    parts = sum(jnp.sum(leaf.reshape(shape[0], -1) ** 2, 1) for leaf in jax.tree.leaves(momentum))
    return jnp.where(whole > 0.0, parts / jnp.where(whole > 0.0, whole, 1.0), 1.0 / shape[0])


def _check_members(params: PyTree[Array], members: int | None) -> None:
    shapes = [leaf.shape for leaf in jax.tree.leaves(params)]
    wrong = [shape for shape in shapes if members is not None and shape[:1] != (members,)]
    if wrong:
        raise LearningError(
            f"An ensemble of {members} members has them along the first axis of every parameter, "
            f"got the shape {wrong[0]}: stack the members' parameters."
        )


def _check(
    learning_rate: float,
    method: str,
    extra_energy: float,
    exponent: float,
    softening: float,
    members: int | None,
) -> None:
    if method not in ("bbi", "separable"):
        raise LearningError(f"method= is 'bbi' or 'separable', got {method!r}.")
    positive = {"learning_rate": learning_rate, "exponent": exponent, "softening": softening}
    for name, number in {**positive, "members": 1 if members is None else members}.items():
        if not number > 0:
            raise LearningError(f"{name}= must be more than 0, got {number}.")
    if not extra_energy >= 0.0:
        raise LearningError(
            f"extra_energy= is what the momentum starts with, at least 0, got {extra_energy}."
        )


def _check_bounces(patience: int, bounce_every: int, early_bounces: int, deflection: float) -> None:
    if patience < 1 or bounce_every < 1 or early_bounces < 0 or not deflection >= 0.0:
        raise LearningError(
            "Bounces need patience ≥ 1, bounce_every ≥ 1, early_bounces ≥ 0 and deflection ≥ 0, "
            f"got {patience}, {bounce_every}, {early_bounces} and {deflection}."
        )
