"""Every polynomial multiplier of an equation, by linear algebra on random functions."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Entry, Jet, JetFunction
from pinn.noether.typical import typical
from pinn.noether.variation import random_functions, variations
from pinn.precision import arithmetic
from pinn.problem.problem import Problem

ROUND_OFF = 1e-9
LARGEST = 800
Monomial = tuple[tuple[str, int | None, int], ...]  # (entry, component, power)


@dataclass(frozen=True)
class FoundMultiplier:
    """A multiplier Λ = Σ c m, one row for each component of the residual.

    Args:
        monomials: m, as products of powers of entries.
        coefficients: c, of shape (components of the residual, monomials).
        defect: what is left of E(Λ·residual) at fresh random functions, relative to its terms.
    """

    monomials: tuple[Monomial, ...]
    coefficients: np.ndarray
    defect: float

    def function(self, jet: Jet) -> Array:
        """Return Λ at a jet, for `pinn.Multiplier(found.function)`."""
        used = [k for k in range(len(self.monomials)) if np.any(self.coefficients[:, k])]
        values = jnp.stack([_value(jet, self.monomials[k]) for k in used])
        return jnp.asarray(self.coefficients[:, used], values.dtype) @ values

    @cached_property
    def expression(self) -> str:
        """Λ as text such as `3.0 u**2 + u_xx`, components separated by commas."""
        rows = [_text(row, self.monomials) for row in self.coefficients]
        return rows[0] if len(rows) == 1 else f"({', '.join(rows)})"

    def __repr__(self) -> str:
        return f"FoundMultiplier({self.expression}, defect={self.defect:.1e})"


def find_multipliers(
    problem: Problem,
    *,
    degree: int = 2,
    order: int = 2,
    coordinates: bool = True,
    time_derivatives: bool = True,
) -> list[FoundMultiplier]:
    """Return a basis of the polynomial multipliers Λ of an equation, E(Λ·residual) ≡ 0.

    Entries that the equation gives in terms of others are left out, so that no multiplier vanishes
    on solutions. A linear equation has every solution of its adjoint as a multiplier; among
    polynomials of a degree only some are found.

    Args:
        problem: what to search.
        degree: the highest degree in the coordinates and entries together.
        order: the highest order of a derivative in Λ.
        coordinates: let Λ depend on the coordinates.
        time_derivatives: let Λ depend on time derivatives that the equation leaves free.

    Source: Anco & Bluman (2002), doi:10.1017/S095679250100465X; Cheviakov (2007),
    doi:10.1016/j.cpc.2006.08.001.

    Raises:
        ProblemError: so many unknowns that the search would be slow.
    """
    with arithmetic("float64"):
        names = _entries(problem, order, coordinates, time_derivatives)
        monomials = _monomials(problem, names, degree)
        rows, count = problem.dynamics.residual.size, len(monomials)
        if rows * count > LARGEST:
            raise ProblemError(
                f"A multiplier of degree {degree} and order {order} has {rows * count} unknown "
                f"coefficients, more than {LARGEST}: lower degree= or order=."
            )
        products = _products(problem, monomials)
        basis = _null_space(problem, products)
        return [_found(problem, products, monomials, c.reshape(rows, count)) for c in basis]


def _entries(problem: Problem, order: int, coordinates: bool, time_derivatives: bool) -> list[str]:
    """Return the coordinates and the entries that the equation leaves free, simple ones first."""
    space, dynamics = problem.space, problem.dynamics
    every = itertools.product(range(order + 1), repeat=len(space.coordinates))
    found = list(space.coordinates) if coordinates else []
    for orders in sorted((o for o in every if sum(o) <= order), key=lambda o: (sum(o), o)):
        for field in space.fields:
            name = space.name(Entry(field, orders))
            in_time = bool(dynamics.time) and orders[space.coordinates.index(dynamics.time)] > 0
            if dynamics.implied(name) is None and (time_derivatives or not in_time):
                found.append(name)
    return found


def _monomials(problem: Problem, names: Iterable[str], degree: int) -> tuple[Monomial, ...]:
    """Return every monomial up to a degree, those of high derivatives and degree first."""
    space = problem.space
    variables = [
        (name, index)
        for name in names
        for index in (range(int(np.prod(space.shape(name)))) if space.shape(name) else [None])
    ]
    rank = {variable: i for i, variable in enumerate(variables)}
    order = {
        v: 0 if space.is_coordinate(v[0]) else sum(space.parse(v[0]).orders) for v in variables
    }
    found = []
    for power in range(degree + 1):
        for chosen in itertools.combinations_with_replacement(variables, power):
            key = (sum(order[v] for v in chosen), power, [rank[v] for v in chosen])
            found.append((key, chosen))
    found.sort(key=lambda pair: pair[0], reverse=True)
    group = lambda chosen: [(v, chosen.count(v)) for v in dict.fromkeys(chosen)]  # noqa: E731
    return tuple(tuple((*v, n) for v, n in group(chosen)) for _, chosen in found)


def _value(jet: Jet, monomial: Monomial) -> Array:
    product = jnp.ones((), jnp.result_type(float))
    for name, component, power in monomial:
        value = jet[name] if component is None else jnp.ravel(jet[name])[component]
        product = product * value**power
    return product


def _products(problem: Problem, monomials: tuple[Monomial, ...]) -> JetFunction:
    """Return m_k · residual_i for every i and k, as one vector."""
    residual = problem.dynamics.residual

    def expression(jet: Jet) -> Array:
        values = jnp.stack([_value(jet, monomial) for monomial in monomials])
        return jnp.ravel(jnp.multiply.outer(residual(jet), values))

    return JetFunction(problem.space, expression, "multipliers times residual")


def _stationarity(problem: Problem, products: JetFunction, seed: int, count: int):
    axes, centre = tuple(problem.axes), typical(problem)
    functions = random_functions(products, problem.axes, axes, centre, seed, count)
    return variations(products, functions)


def _null_space(problem: Problem, products: JetFunction) -> list[np.ndarray]:
    """Return a basis of the c with Σ c ∫ δ(m·residual) = 0, in reduced row echelon form."""
    matrix, sizes = _stationarity(problem, products, 11, 2 * products.size + 8)
    scale = np.maximum(sizes.max(axis=0), 1e-300)
    scaled = matrix / scale[None]
    scaled = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-300)
    _, values, right = np.linalg.svd(scaled)
    null = right[np.sum(values > ROUND_OFF * values[0]) :] / scale[None]
    return [_readable(row) for row in reversed(_echelon(null))]


def _echelon(rows: np.ndarray) -> np.ndarray:
    """Return the reduced row echelon form, columns in order, with small entries dropped."""
    rows, top = rows.copy(), 0
    for column in range(rows.shape[1]):
        if top == len(rows):
            break
        size = np.maximum(np.abs(rows[top:]).max(axis=1), 1e-300)
        best = top + int(np.argmax(np.abs(rows[top:, column]) / size))
        if abs(rows[best, column]) <= 1e-6 * size[best - top]:
            rows[top:, column] = 0.0
            continue
        rows[[top, best]] = rows[[best, top]]
        rows[top] = rows[top] / rows[top, column]
        for other in range(len(rows)):
            if other != top:
                rows[other] = rows[other] - rows[other, column] * rows[top]
        top += 1
    return rows


def _readable(row: np.ndarray) -> np.ndarray:
    """Return a multiple with small numbers, integers where it has them, and no round-off."""
    row = np.where(np.abs(row) > 1e-7 * np.max(np.abs(row)), row, 0.0)
    smallest = row[np.nonzero(row)[0][np.argmin(np.abs(row[row != 0.0]))]]
    whole = row / smallest
    if np.all(np.abs(whole - np.round(whole)) < 1e-6 * np.maximum(np.abs(whole), 1.0)):
        row = whole
    near = [float(Fraction(float(c)).limit_denominator(1000)) for c in row]
    close = np.abs(near - row) < 1e-7 * np.abs(row)
    row = np.where(close, near, row)
    return row * np.sign(row[np.nonzero(row)[0][-1]])


def _found(
    problem: Problem, products: JetFunction, monomials: tuple[Monomial, ...], c: np.ndarray
) -> FoundMultiplier:
    totals, sizes = _stationarity(problem, products, 12, 6)
    flat = c.ravel()
    defect = np.max(np.abs(totals @ flat) / (sizes @ np.abs(flat)))
    used = [k for k in range(len(monomials)) if np.any(c[:, k])]
    return FoundMultiplier(tuple(monomials[k] for k in used), c[:, used], float(defect))


def _text(row: np.ndarray, monomials: tuple[Monomial, ...]) -> str:
    terms = [(c, _product(m)) for c, m in zip(row, monomials, strict=True) if c][::-1]
    text = ""
    for coefficient, product in terms:
        sign = (" - " if text else "-") if coefficient < 0.0 else (" + " if text else "")
        size = abs(coefficient)
        number = "" if size == 1.0 and product else f"{float(f'{size:.6g}')}"
        text += sign + f"{number} {product}".strip()
    return text or "0"


def _product(monomial: Monomial) -> str:
    factors = []
    for name, component, power in monomial:
        base = name if component is None else f"{name}[{component}]"
        factors.append(base if power == 1 else f"{base}**{power}")
    return "*".join(factors)
