"""Calculus on jet space: partial and total derivative, Euler and homotopy operator."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from math import comb

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from pinn.jets.function import JetFunction
from pinn.jets.jet import Jet
from pinn.jets.space import Entry, JetSpace


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


def stem(function: JetFunction, entry: str, axes: Iterable[str]) -> tuple[str, str]:
    """Split an entry along some axes: `u_txx` along x is (`u_t`, `xx`)."""
    space, kept = function.space, set(axes)
    field, orders = space.parse(entry)
    pairs = list(zip(space.coordinates, orders, strict=True))
    rest = tuple(0 if c in kept else n for c, n in pairs)
    return space.name(Entry(field, rest)), "".join(c * n for c, n in pairs if c in kept)


def homotopy(
    function: JetFunction,
    axes: tuple[str, ...],
    origin: Mapping[str, ArrayLike] | None = None,
    nodes: int = 12,
) -> dict[str, JetFunction]:
    """Return X^μ with Σ D_μ X^μ = f over the given axes, for f a divergence along them.

    X^μ = ∫₀¹ Σ_J (1 + J_μ)/(1 + |J|) D_J((u − u⁰) · E^{J+μ}(f))[u⁰ + λ(u − u⁰)] dλ, with the higher
    Euler operators E^J(f) = Σ_{K≥J} C(K, J) (−D)_{K−J} ∂f/∂u_K and Gauss–Legendre nodes in λ, which
    are exact for polynomials of degree below 2·nodes. What f is at the constant jet u⁰ must vanish.

    Args:
        function: f; entries without derivatives along the axes (u, u_t, …) are independent in it.
        axes: the coordinates of the divergence.
        origin: u⁰ by entry, zero where left out; choose another where f is singular at zero.
        nodes: how many nodes in λ.

    Source: Olver (1993), section 5.4, doi:10.1007/978-1-4612-4350-2.
    """
    parts = [e for e in function.needs if not function.space.is_coordinate(e)]
    split = {entry: stem(function, entry, axes) for entry in parts}
    start = {k: np.asarray(v, float) for k, v in (origin or {}).items()}
    found = {}
    for axis in axes:
        terms = [
            _homotopy_term(function, split, start, name, lower, axis, axes)
            for name, lower in sorted(_below(split, axis))
        ]
        found[axis] = _over_rays(function, terms, split, start, axis, nodes)
    return found


def _below(split: Mapping[str, tuple[str, str]], axis: str) -> set[tuple[str, str]]:
    """Return every (stem, J) such that J + axis lies under a derivative that occurs."""
    found = set()
    for name, above in split.values():
        if axis in above:
            rest = above.replace(axis, "", 1)
            found |= {
                (name, "".join(sorted(c)))
                for n in range(len(rest) + 1)
                for c in combinations(rest, n)
            }
    return found


def _homotopy_term(function, split, start, name: str, lower: str, axis: str, axes) -> JetFunction:
    """Return (1 + J_μ)/(1 + |J|) D_J((u − u⁰) · E^{J+μ} f)."""
    index = Counter(lower + axis)
    weight = (1.0 + lower.count(axis)) / (1.0 + len(lower))
    pieces = []
    for entry, (root, above) in split.items():
        powers = Counter(above)
        if root != name or any(powers[c] < n for c, n in index.items()):
            continue
        rest = powers - index
        factor = float(np.prod([comb(powers[c], index[c]) for c in axes])) * weight
        slope = repeated_derivative(partial(function, entry), sorted(rest.elements()))
        pieces.append((factor * (-1.0) ** rest.total(), slope))

    def product(jet: Jet) -> Array:
        moved = jet[name]
        if name in start:
            moved = moved - jnp.broadcast_to(jnp.asarray(start[name], moved.dtype), moved.shape)
        total = sum(factor * slope(jet) for factor, slope in pieces)
        return jnp.tensordot(jnp.asarray(total), moved, axes=moved.ndim)

    return repeated_derivative(JetFunction(function.space, product, "homotopy"), lower)


def _over_rays(function, terms, split, start, axis: str, nodes: int) -> JetFunction:
    abscissae, weights = np.polynomial.legendre.leggauss(nodes)
    rays, shape = 0.5 * (1.0 + abscissae), function.shape

    def expression(jet: Jet) -> Array:
        needs = sorted({need for term in terms for need in term.needs})

        def at(ray: Array) -> Array:
            moved = {n: _on_ray(function.space, jet, n, ray, start) for n in needs}
            scaled = Jet(function.space, moved)
            return sum((term(scaled) for term in terms), jnp.zeros(shape)) / ray

        real = jnp.result_type(float)
        values = jax.vmap(at)(jnp.asarray(rays, real))
        return jnp.tensordot(jnp.asarray(0.5 * weights, real), values, axes=1)

    return JetFunction(function.space, expression, f"∫{axis}({function.name})")


def _on_ray(
    space: JetSpace, jet: Jet, name: str, ray: Array, start: Mapping[str, np.ndarray]
) -> Array:
    if space.is_coordinate(name):
        return jet[name]
    if name not in start:
        return ray * jet[name]
    begin = jnp.broadcast_to(jnp.asarray(start[name], jet[name].dtype), jet[name].shape)
    return begin + ray * (jet[name] - begin)
