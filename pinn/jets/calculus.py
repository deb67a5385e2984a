"""Calculus on jet space: partial derivative, total derivative, Euler operator."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pinn.jets.function import JetFunction
from pinn.jets.jet import Jet


def partial(function: JetFunction, entry: str) -> JetFunction:
    """Return ∂f/∂(entry), of shape `f.shape + entry.shape`.

    A mixed derivative such as `u_tx` is one independent entry: no factor ½ is implied.
    """
    space, name = function.space, function.space.canonical(entry)

    def derivative(jet: Jet) -> Array:
        rest = {n: jet[n] for n in function.needs}
        point = rest.pop(name, None)
        if point is None:
            return jnp.zeros(function.shape + space.shape(name))
        differentiate = jax.grad if function.shape == () else jax.jacrev
        return differentiate(lambda value: function(Jet(space, {**rest, name: value})))(point)

    return JetFunction(space, derivative, f"∂({function.name})/∂{name}")


def along(function: JetFunction, direction: dict[str, JetFunction]) -> JetFunction:
    """Return Σ ∂f/∂(entry) · direction(entry), the derivative of f along a field on jet space.

    Args:
        function: what to differentiate.
        direction: for each coordinate or entry that moves, its velocity.
    """
    moving = {name: velocity for name, velocity in direction.items() if name in function.needs}

    def derivative(jet: Jet) -> Array:
        point = {n: jet[n] for n in function.needs}
        start = {n: point.pop(n) for n in moving}
        velocity = {n: jnp.asarray(v(jet), start[n].dtype) for n, v in moving.items()}
        if not start:
            return jnp.zeros(function.shape)
        evaluate = lambda moved: function(Jet(function.space, {**point, **moved}))  # noqa: E731
        return jax.jvp(evaluate, (start,), (velocity,))[1]

    return JetFunction(function.space, derivative, function.name)


def total_derivative(function: JetFunction, coordinate: str) -> JetFunction:
    """Return D_c f = ∂f/∂c + Σ u_Jc ∂f/∂u_J, with c the coordinate."""
    space = function.space
    direction = {coordinate: JetFunction(space, lambda jet: jnp.ones(()), "1")}
    for name in function.needs:
        if not space.is_coordinate(name):
            direction[name] = entry_function(function, space.raised(name, coordinate))
    derivative = along(function, direction)
    return JetFunction(space, derivative.function, f"D_{coordinate}({function.name})")


def repeated_derivative(function: JetFunction, coordinates: Iterable[str]) -> JetFunction:
    """Return D_J f, one total derivative for each coordinate in J."""
    for coordinate in coordinates:
        function = total_derivative(function, coordinate)
    return function


def euler_operator(density: JetFunction, field: str) -> JetFunction:
    """Return E(f) = Σ_J (−D)_J ∂f/∂u_J, of the shape of the field.

    It vanishes identically exactly when f is a total divergence (Olver, Applications of Lie Groups
    to Differential Equations, 1993, Theorem 4.7, doi:10.1007/978-1-4612-4350-2).
    """
    space = density.space
    terms: list[tuple[float, JetFunction]] = []
    for name in density.needs:
        if space.is_coordinate(name) or space.parse(name).field != field:
            continue
        orders = space.parse(name).orders
        along_each = "".join(c * n for c, n in zip(space.coordinates, orders, strict=True))
        sign = (-1.0) ** sum(orders)
        terms.append((sign, repeated_derivative(partial(density, name), along_each)))

    def expression(jet: Jet) -> Array:
        zero = jnp.zeros(space.fields[field])
        return sum((sign * term(jet) for sign, term in terms), zero)

    return JetFunction(space, expression, f"E_{field}({density.name})")


def entry_function(like: JetFunction, name: str) -> JetFunction:
    """Return the function on jets that reads one entry, over the same space as `like`."""
    return JetFunction(like.space, lambda jet: jet[name], name)
