"""The catalogue of symmetries: each names a generator, from which Noether derives a charge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, JetSpace, on_jets, partial
from pinn.noether.claim import Symmetry as Symmetry
from pinn.noether.claim import by_coordinate, field_shape
from pinn.noether.claim import generator as generator
from pinn.noether.generator import Generator
from pinn.noether.spacetime import galilean_boost as galilean_boost
from pinn.noether.spacetime import lorentz_boost as lorentz_boost
from pinn.noether.spacetime import space_rotation as space_rotation
from pinn.noether.spacetime import space_translation as space_translation


def time_translation(name: str = "energy", *, balance: bool = False) -> Symmetry:
    """Shift the evolution coordinate, ξ = 1: the charge is the energy E = p·q_t − L."""
    return generator(name, xi=lambda j: 1.0, sign=-1.0, balance=balance)


def translation(
    field: str,
    direction: ArrayLike | Sequence[float] | None = None,
    *,
    name: str = "momentum",
    gauge: Callable[[Jet], Any] | None = None,
    balance: bool = False,
) -> Symmetry:
    """Shift a field by a constant, η = e: the charge is the momentum p·e − K.

    Args:
        field: what is shifted.
        direction: e, of the field's shape. By default every unit vector of the last axis, the same
            for all leading indices (bodies), so the charge is the total momentum.
        name: the charge's name.
        gauge: K for each direction, where the Lagrangian changes by a total derivative.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        shift = _direction(space, field, direction)
        return Generator(
            space,
            eta={field: on_jets(space, lambda j: _real(shift), "η")},
            gauge=by_coordinate(space, time, gauge, "K"),
        )

    return Symmetry(name, build, balance=balance)


def boost(
    field: str,
    mass: ArrayLike | Sequence[float] = 1.0,
    direction: ArrayLike | Sequence[float] | None = None,
    *,
    name: str = "boost",
    balance: bool = False,
) -> Symmetry:
    """Change to a uniformly moving frame (Galilei), η = te, K = m q·e: the charge is tP − Σmq.

    Args:
        field: positions, of shape (dimensions) or (bodies, dimensions).
        mass: m, a scalar or one for each body.
        direction: as in `translation`.
        name: the charge's name.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        shift = _direction(space, field, direction)
        shape = field_shape(space, field)
        inertia = np.asarray(mass, dtype=float)
        if inertia.shape not in ((), shape[:1], shape[:-1]):
            raise ProblemError(
                f"A boost of {field!r} has mass= of shape {inertia.shape}, expected a number or "
                f"one for each body, of shape {shape[:-1]}."
            )
        inertia = inertia.reshape(inertia.shape + (1,) * (len(shape) - inertia.ndim))
        weighted = np.broadcast_to(inertia, shape) * shift

        def gauge(j: Jet) -> Array:
            return jnp.tensordot(_real(weighted), j[field], axes=len(shape))

        return Generator(
            space,
            eta={field: on_jets(space, lambda j: j[time] * _real(shift), "η")},
            gauge={time: on_jets(space, gauge, "K")},
        )

    return Symmetry(name, build, balance=balance)


def rotation(
    field: str,
    *,
    name: str = "angular_momentum",
    gauge: Callable[[Jet], Any] | None = None,
    balance: bool = False,
) -> Symmetry:
    """Rotate the last axis of a field: the charge is the angular momentum Σ q × p.

    In two dimensions η = (−y, x), one charge; in three η = e_k × q, a vector. Leading axes
    (bodies) rotate together.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        shape = field_shape(space, field)
        if not shape or shape[-1] not in (2, 3):
            raise ProblemError(
                f"A rotation of {field!r} needs a last axis of length 2 or 3, its shape is {shape}."
            )
        generators = _PLANE if shape[-1] == 2 else _SPACE

        def eta(j: Jet) -> Array:
            turned = jnp.tensordot(j[field], _real(generators), axes=((-1,), (-1,)))
            return turned if shape[-1] == 2 else jnp.moveaxis(turned, -2, 0)

        return Generator(
            space,
            eta={field: on_jets(space, eta, "η")},
            gauge=by_coordinate(space, time, gauge, "K"),
        )

    return Symmetry(name, build, balance=balance)


_PLANE = np.array([[0.0, -1.0], [1.0, 0.0]])
# (e_k × q)_i = ε_ikj q_j
_SPACE = np.array(
    [
        [[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]],
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ]
)


def phase(field: str, *, name: str = "norm", balance: bool = False) -> Symmetry:
    """Turn the phase of a complex field, stored as (real, imaginary) in its last axis.

    η = (−b, a) for ψ = a + ib, the group U(1); the charge is the norm (particle number), with the
    sign that makes it positive for L = b a_t − a b_t + …, Schrödinger's.
    """
    return replace(rotation(field, name=name, balance=balance), sign=-1.0)


def scaling(
    field: str | Mapping[str, float],
    *,
    time: float = 0.0,
    space: float = 1.0,
    name: str = "virial",
    balance: bool = False,
) -> Symmetry:
    """Stretch coordinates and fields together, as ξ = time·t and η = space·q.

    A symmetry where the action is invariant (a potential ∝ 1/r² with time = 2, space = 1). Where
    the action is only multiplied (Kepler: time = 3/2), ask for `balance=True`: the charge then
    obeys a virial theorem.

    Args:
        field: the field that stretches with weight `space`; or the weight of every coordinate and
            field that stretches, as in `{"t": 3.0, "x": 1.0, "u": -2.0}`.
        time: the weight of time.
        space: the weight of the field.
        name: the charge's name.
        balance: accept a broken symmetry.
    """

    def build(lagrangian: JetFunction, coordinate: str) -> Generator:
        jets = lagrangian.space
        weights = field if isinstance(field, Mapping) else {coordinate: time, field: space}
        moved = {n: on_jets(jets, lambda j, n=n, w=w: w * j[n], n) for n, w in weights.items()}
        xi = {n: f for n, f in moved.items() if jets.is_coordinate(n)}
        for one in weights:
            if one not in xi:
                field_shape(jets, one)
        return Generator(jets, xi=xi, eta={n: f for n, f in moved.items() if n not in xi})

    return Symmetry(name, build, balance=balance)


def from_charge(name: str, charge: Callable[[Jet], Any], field: str | None = None) -> Symmetry:
    """Find the generator of a known charge G(t, q, q_t), the converse of Noether's theorem.

    η = ∂G/∂p = M⁻¹ ∂G/∂q_t, ξ = 0 and K = p·η − G with M = ∂²L/∂q_t∂q_t; then I = G. This yields
    hidden symmetries, such as those of the Laplace–Runge–Lenz vector and of Fradkin's tensor
    (Lévy-Leblond 1971, doi:10.1119/1.1986202).

    Args:
        name: the charge's name.
        charge: G as a function of the jet: a scalar, or a vector of several charges.
        field: the field it depends on; may be left out when there is one.

    Raises:
        ProblemError: the mass matrix M is singular at build time, or the field is unknown.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        target = field if field is not None else next(iter(space.fields))
        shape = field_shape(space, target)
        velocity = space.raised(target, time)
        density = on_jets(space, charge, f"charge {name}")
        momentum = partial(lagrangian, velocity)
        inertia, slope = partial(momentum, velocity), partial(density, velocity)

        def eta(j: Jet) -> Array:
            size = int(np.prod(shape))
            mass, rhs = inertia(j).reshape(size, size), slope(j).reshape(-1, size)
            return jnp.linalg.solve(mass, rhs.T).T.reshape(density.shape + shape)

        moved = on_jets(space, eta, "η")

        def gauge(j: Jet) -> Array:
            return jnp.tensordot(moved(j), momentum(j), axes=len(shape)) - density(j)

        return Generator(space, eta={target: moved}, gauge={time: on_jets(space, gauge, "K")})

    return Symmetry(name, build, charge=charge)


def _real(array: np.ndarray) -> Array:
    return jnp.asarray(array, jnp.result_type(float))


def _direction(
    space: JetSpace, field: str, direction: ArrayLike | Sequence[float] | None
) -> np.ndarray:
    shape = field_shape(space, field)
    if direction is None:
        if not shape:
            return np.ones(())
        return np.stack([np.broadcast_to(e, shape) for e in np.eye(shape[-1])])
    array = np.asarray(direction, dtype=float)
    if array.shape != shape:
        raise ProblemError(
            f"A translation of {field!r} has a direction of shape {array.shape}, expected {shape}."
        )
    return array
