"""Symmetries of fields that move points of space: translations, rotations and boosts."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, JetSpace, on_jets
from pinn.noether.claim import Symmetry, field_shape, generator
from pinn.noether.generator import Generator


def space_translation(
    coordinate: str, *, name: str = "momentum", balance: bool = False
) -> Symmetry:
    """Shift a space coordinate, ξ = 1: the momentum density is −u_x ∂L/∂u_t, a wave's −u_t u_x."""
    return generator(name, xi={coordinate: lambda j: 1.0}, balance=balance)


def space_rotation(
    first: str,
    second: str,
    *,
    vectors: tuple[str, ...] = (),
    name: str = "angular_momentum",
    balance: bool = False,
) -> Symmetry:
    """Rotate a plane of space, ξ = (−y, x): the angular momentum density is x P_y − y P_x.

    Args:
        first: the coordinate x.
        second: the coordinate y.
        vectors: fields whose last axis, one component a space coordinate in their order, turns with
            space: η = (−v_y, v_x); the others are scalars.
        name: the charge's name.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        xi = {first: lambda j: -j[second], second: lambda j: j[first]}
        eta = {v: _turned(space, time, v, first, second) for v in vectors}
        return Generator(space, xi={c: on_jets(space, f, "ξ") for c, f in xi.items()}, eta=eta)

    return Symmetry(name, build, balance=balance)


def _turned(space: JetSpace, time: str, field: str, first: str, second: str) -> JetFunction:
    places = [c for c in space.coordinates if c != time]
    shape = field_shape(space, field)
    if shape[-1:] != (len(places),):
        raise ProblemError(
            f"The field {field!r} of shape {shape} cannot turn as a vector in space: its last axis "
            f"needs one component for each of {', '.join(places)}."
        )
    turn = np.zeros((len(places), len(places)))
    turn[places.index(second), places.index(first)] = 1.0
    turn[places.index(first), places.index(second)] = -1.0

    def eta(jet: Jet) -> Array:
        return jet[field] @ jnp.asarray(turn.T, jnp.result_type(float))

    return on_jets(space, eta, "η")


def lorentz_boost(
    coordinate: str, *, speed: float = 1.0, name: str = "boost", balance: bool = False
) -> Symmetry:
    """Mix time and space, ξ^t = x and ξ^x = c²t: the charge is ∫ x E − c² t P.

    Args:
        coordinate: x.
        speed: c, the speed of waves.
        name: the charge's name.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        xi = {time: lambda j: j[coordinate], coordinate: lambda j: speed**2 * j[time]}
        space = lagrangian.space
        return Generator(space, xi={c: on_jets(space, f, "ξ") for c, f in xi.items()})

    return Symmetry(name, build, sign=-1.0, balance=balance)


def galilean_boost(
    field: str,
    coordinate: str,
    *,
    mass: float = 0.5,
    name: str = "centre_of_mass",
    balance: bool = False,
) -> Symmetry:
    """Move a complex field uniformly, ξ^x = t and η = i m x ψ: the charge is ∫ m x |ψ|² − t P.

    It is a symmetry of i ψ_t + ψ_xx/(2m) + f(|ψ|²) ψ = 0 with ψ stored as (real, imaginary).

    Args:
        field: ψ, of shape (2,).
        coordinate: x.
        mass: m; ½ for i ψ_t + ψ_xx, 1 for i ψ_t + ½ψ_xx.
        name: the charge's name.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        if field_shape(space, field) != (2,):
            raise ProblemError(
                f"A Galilean boost needs a complex field of shape (2,), but {field!r} has "
                f"{field_shape(space, field)}: state the boost by pinn.symmetry.generator."
            )

        def eta(j: Jet) -> Array:
            return mass * j[coordinate] * jnp.stack([-j[field][1], j[field][0]])

        return Generator(
            space,
            xi={coordinate: on_jets(space, lambda j: j[time], "ξ")},
            eta={field: on_jets(space, eta, "η")},
        )

    return Symmetry(name, build, sign=-1.0, balance=balance)
