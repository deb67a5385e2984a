"""Energy-conserving descent: momentum that can only spend the energy it has, as in mechanics."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree
from optax import tree

from pinn.learning.energy_ledger import EnergyLedger
from pinn.learning.errors import LearningError
from pinn.learning.hamiltonians import Hamiltonian, born_infeld, separable
from pinn.learning.members import above, check_members, losses_of, shares
from pinn.learning.momenta import directed, reflected, resized, size, square, turned

Number = Float[Array, ""]


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
    law = born_infeld() if method == "bbi" else separable(exponent, softening)
    bounces = _Bounces(patience, bounce_every, early_bounces)
    descent = _Descent(
        law, learning_rate, minimum, extra_energy, bounces, deflection, members, seed
    )
    return optax.GradientTransformationExtraArgs(descent.init, descent.update)


@dataclass(frozen=True)
class _Bounces:
    """When the direction of the momentum is drawn anew."""

    patience: int
    every: int
    early: int

    def due(self, count: Array, since: Array) -> Array:
        """Return whether now, by the steps taken and those without a new least loss."""
        early = ((count + 1) % self.every == 0) & (count < self.every * self.early)
        return early | (since >= self.patience)


class _Account(NamedTuple):
    """What is in the account at the parameters that the gradient was taken at.

    Args:
        loss: V, above its minimum.
        potential: U.
        energy: E.
        left: E − U, what the momentum may have.
        forbidden: whether U exceeds E.
    """

    loss: Number
    potential: Number
    energy: Number
    left: Number
    forbidden: Bool[Array, ""]


@dataclass(frozen=True)
class _Descent:
    """The transformation that `energy_conserving_descent` describes, with its numbers."""

    law: Hamiltonian
    learning_rate: float
    minimum: float
    extra_energy: float
    bounces: _Bounces
    deflection: float
    members: int | None
    seed: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the loss."""
        return () if self.members is None else (self.members,)

    def init(self, params: PyTree[Array]) -> EnergyDescentState:
        """Return the state before the first step."""
        check_members(params, self.members)
        dtype = jnp.result_type(*jax.tree.leaves(params))
        zero, none = jnp.zeros((), dtype), jnp.zeros((), jnp.int32)
        still, each = jax.tree.map(jnp.zeros_like, params), jnp.zeros(self.shape, dtype)
        ledger = EnergyLedger(zero, zero, zero, zero, none, none, each, each)
        return EnergyDescentState(still, still, zero, zero + jnp.inf, none, none, ledger)

    def update(
        self,
        updates: PyTree[Array],
        state: Any,
        params: PyTree[Array] | None = None,
        *,
        value: Any = None,
        **others: Any,
    ) -> tuple[PyTree[Array], EnergyDescentState]:
        """Return the step of the parameters, and the state after it."""
        del params, others
        losses = above(losses_of(value, self.shape, state.energy.dtype), self.minimum)
        account = self._account(state, jnp.sum(losses))
        key = jax.random.fold_in(jax.random.key(self.seed), state.count)
        noise = tree.random_like(key, updates)
        momentum = self._rescaled(directed(state.momentum, updates, noise), account, key)
        since = jnp.where(account.loss < state.best, 0, state.since + 1)
        bounce = self.bounces.due(state.count, since) & ~account.forbidden
        momentum = tree.where(bounce, resized(noise, size(momentum)), momentum)
        moved, kicked = self._step(state, updates, momentum, account)
        return moved, EnergyDescentState(
            kicked,
            tree.where(account.forbidden, jax.tree.map(jnp.zeros_like, moved), moved),
            account.energy,
            jnp.minimum(account.loss, state.best),
            jnp.where(bounce, 0, since),
            state.count + 1,
            self._entered(state, account, momentum, losses, bounce),
        )

    def _account(self, state: Any, loss: Number) -> _Account:
        potential = self.law.potential(loss)
        energy = jnp.where(state.count == 0, potential + self.extra_energy, state.energy)
        left = energy - potential
        room = 16.0 * jnp.finfo(loss.dtype).eps * (jnp.abs(energy) + jnp.abs(potential))
        return _Account(loss, potential, energy, jnp.maximum(left, 0.0), left < -room)

    def _rescaled(self, momentum: PyTree[Array], account: _Account, key: Array) -> PyTree[Array]:
        """Return a momentum that carries what is left in the account."""
        momentum = resized(momentum, jnp.sqrt(self.law.square(account.left, account.loss)))
        return turned(momentum, self.deflection, key) if self.deflection else momentum

    def _step(
        self, state: Any, slope: PyTree[Array], momentum: PyTree[Array], account: _Account
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        """Return the step and the momentum after its kick; the last step back where forbidden."""
        force = self.learning_rate * self.law.force(account.loss, account.energy)
        kicked = jax.tree.map(lambda p, g: p - force * g, momentum, slope)
        speed = self.law.velocity(account.loss, account.energy, square(kicked))
        forward = jax.tree.map(lambda p: self.learning_rate * speed * p, kicked)
        back = jax.tree.map(jnp.negative, state.moved)
        return (
            tree.where(account.forbidden, back, forward),
            tree.where(account.forbidden, reflected(state.momentum, slope), kicked),
        )

    def _entered(
        self,
        state: Any,
        account: _Account,
        momentum: PyTree[Array],
        losses: Array,
        bounce: Array,
    ) -> EnergyLedger:
        """Return the ledger with this step entered, or with a reflection where it is taken back."""
        before = self.law.kinetic(square(state.momentum), account.loss)
        kinetic = self.law.kinetic(square(momentum), account.loss)
        ledger = EnergyLedger(
            kinetic,
            account.potential,
            kinetic + account.potential,
            jnp.where(state.count == 0, 0.0, before - account.left),
            state.ledger.bounces + jnp.where(bounce, 1, 0),
            state.ledger.reflections,
            kinetic * shares(momentum, self.shape),
            losses,
        )
        kept = state.ledger._replace(reflections=state.ledger.reflections + 1)
        return tree.where(account.forbidden, kept, ledger)


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
        if isinstance(number, str) or not number > 0:
            raise LearningError(f"{name}= must be a number above 0, got {number!r}.")
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
