"""Noether's theorem: the current of a generator, and the defect of a broken symmetry."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import (
    Jet,
    JetFunction,
    JetSpace,
    partial,
    repeated_derivative,
    total_derivative,
)
from pinn.noether.generator import Generator


def contract(left: Array, right: Array) -> Array:
    """Return the sum over all axes of `right`, which are the last axes of `left`."""
    return jnp.tensordot(left, right, axes=right.ndim)


def noether_current(lagrangian: JetFunction, generator: Generator) -> dict[str, JetFunction]:
    """Return J^μ = ξ^μL + Q^a(L^{a,μ} − D_νL^{a,μν}) + (D_νQ^a)L^{a,μν} − K^μ by coordinate.

    Off shell, D_μJ^μ = −Q^a E_a(L) + Δ with Δ from `symmetry_defect`: so J is conserved when the
    equation E = 0 holds and the symmetry is exact. In mechanics J^t is I = ξL + Q·p − K, and the
    energy is −I for ξ = 1. L^{a,μν} is ½∂L/∂u_μν for μ ≠ ν.

    Source: E. Noether, Invariante Variationsprobleme (1918), doi:10.1080/00411457108231446; the
    second-order form is Olver (1993), Theorem 4.29, doi:10.1007/978-1-4612-4350-2.

    Raises:
        ProblemError: the Lagrangian contains a derivative above the second.
    """
    space = generator.space
    _check_second_order(lagrangian)
    return {
        mu: JetFunction(space, _component(lagrangian, generator, mu), f"J^{mu}")
        for mu in space.coordinates
    }


def _component(lagrangian: JetFunction, generator: Generator, mu: str):
    terms = [
        (generator.characteristic(field), momenta)
        for field in generator.space.fields
        for momenta in [_momentum(lagrangian, field, mu)]
    ] + [
        (total_derivative(generator.characteristic(field), nu), [(1.0, second)])
        for field in generator.space.fields
        for nu, second in _second_momenta(lagrangian, field, mu).items()
    ]

    def expression(jet: Jet) -> Array:
        current = jnp.zeros(generator.family)
        for characteristic, parts in terms:
            for sign, part in parts:
                current = current + sign * contract(characteristic(jet), part(jet))
        if mu in generator.xi:
            current = current + generator.xi[mu](jet) * lagrangian(jet)
        if mu in generator.gauge:
            current = current - generator.gauge[mu](jet)
        return current

    return expression


def _momentum(lagrangian: JetFunction, field: str, mu: str) -> list[tuple[float, JetFunction]]:
    """Return the terms of L^{a,μ} − D_νL^{a,μν} with their signs."""
    space = lagrangian.space
    first = space.raised(field, mu)
    terms = [(1.0, partial(lagrangian, first))] if first in lagrangian.needs else []
    for nu, second in _second_momenta(lagrangian, field, mu).items():
        terms.append((-1.0, total_derivative(second, nu)))
    return terms


def _second_momenta(lagrangian: JetFunction, field: str, mu: str) -> dict[str, JetFunction]:
    """Return L^{a,μν} by ν, where it is not zero."""
    space = lagrangian.space
    momenta = {}
    for nu in space.coordinates:
        name = space.raised(space.raised(field, mu), nu)
        if name in lagrangian.needs:
            weight, slope = 1.0 if nu == mu else 0.5, partial(lagrangian, name)
            momenta[nu] = JetFunction(
                space, lambda jet, w=weight, s=slope: w * s(jet), f"L^{field},{mu}{nu}"
            )
    return momenta


def _check_second_order(lagrangian: JetFunction) -> None:
    space = lagrangian.space
    entries = [space.parse(n) for n in lagrangian.needs if not space.is_coordinate(n)]
    for entry in entries:
        if sum(entry.orders) > 2:
            raise ProblemError(
                f"The Lagrangian contains {space.name(entry)}, a derivative above the second: its "
                "Noether current is not implemented; declare the charge in conserved= instead."
            )


def symmetry_defect(lagrangian: JetFunction, generator: Generator) -> JetFunction:
    """Return Δ = pr(X)L + L D_μξ^μ − D_μK^μ, zero on every jet for a symmetry.

    In terms of the characteristic, Δ = Σ_J (D_J Q^a) ∂L/∂u^a_J + D_μ(ξ^μL − K^μ).
    """
    terms = defect_terms(lagrangian, generator)

    def expression(jet: Jet) -> Array:
        total = jnp.zeros(generator.family)
        return sum((contract(left(jet), right(jet)) for left, right in terms), total)

    return JetFunction(generator.space, expression, "symmetry defect")


def defect_terms(
    lagrangian: JetFunction, generator: Generator
) -> list[tuple[JetFunction, JetFunction]]:
    """Return the pairs of factors whose contractions sum to the defect, to tell zero from small."""
    space = lagrangian.space
    one = JetFunction(space, lambda jet: jnp.ones(()), "1")
    pairs = []
    for name in lagrangian.needs:
        if space.is_coordinate(name):
            continue
        field, orders = space.parse(name)
        coordinates = "".join(c * n for c, n in zip(space.coordinates, orders, strict=True))
        moved = repeated_derivative(generator.characteristic(field), coordinates)
        pairs.append((moved, partial(lagrangian, name)))
    for mu, xi in generator.xi.items():
        product = _scaled(space, generator.family, xi, lagrangian)
        pairs.append((total_derivative(product, mu), one))
    for mu, gauge in generator.gauge.items():
        loss = JetFunction(space, lambda jet, k=gauge: -k(jet), "−K")
        pairs.append((total_derivative(loss, mu), one))
    return pairs


def _scaled(
    space: JetSpace, family: tuple[int, ...], xi: JetFunction, lagrangian: JetFunction
) -> JetFunction:
    return JetFunction(space, lambda j: jnp.broadcast_to(xi(j) * lagrangian(j), family), "ξL")


def work(generator: Generator, forces: Mapping[str, JetFunction]) -> JetFunction:
    """Return Q·F, the rate at which generalised forces F change the charge."""

    def expression(jet: Jet) -> Array:
        total = jnp.zeros(generator.family)
        for field, force in forces.items():
            total = total + contract(generator.characteristic(field)(jet), force(jet))
        return total

    return JetFunction(generator.space, expression, "Q·F")
