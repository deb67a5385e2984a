"""The account of an optimiser that may only spend the energy it has."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int

from pinn.learning.errors import LearningError


class EnergyLedger(NamedTuple):
    """Where the energy is, at the parameters that the last gradient was taken at.

    Args:
        kinetic: what the momentum carries; zero at rest.
        potential: what the loss holds.
        total: their sum, computed from the momentum itself: the account, to round-off.
        mismatch: by how much the integrator alone had missed the account, before the momentum was
            rescaled: second order in the learning rate.
        bounces: how often the direction of the momentum was drawn anew.
        reflections: how often a step to where the loss exceeds the energy was taken back.
        member_kinetic: the share of each member of an ensemble in the kinetic energy.
        member_loss: each member's loss above the minimum.
    """

    kinetic: Float[Array, ""]
    potential: Float[Array, ""]
    total: Float[Array, ""]
    mismatch: Float[Array, ""]
    bounces: Int[Array, ""]
    reflections: Int[Array, ""]
    member_kinetic: Float[Array, "*members"]
    member_loss: Float[Array, "*members"]


def energy_ledger(state: Any) -> EnergyLedger:
    """Return the ledger in an Optax state, however deep in a chain it is.

    Raises:
        LearningError: no transformation in it keeps one.
    """
    parts = jax.tree.leaves(state, is_leaf=lambda part: isinstance(part, EnergyLedger))
    found = [part for part in parts if isinstance(part, EnergyLedger)]
    if not found:
        raise LearningError(
            "No transformation in this optimiser's state keeps an energy ledger: build it with "
            "learning.energy_conserving_descent."
        )
    return found[0]
