"""The level set of a problem's integral charges, among the states over space."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.jets import Jet, JetFunction, partial, repeated_derivative
from pinn.noether.anchor import anchor
from pinn.noether.charge import Charge
from pinn.noether.projection import project_within_reach
from pinn.problem.axes import Interval
from pinn.problem.problem import Problem
from pinn.spectral import Grid

Entries = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class FieldLevels:
    """The states over space at which total charges have the values that they began with.

    A state is moved within the span of the charges' variational derivatives,
    s → s + Σ_k Λ_k(t) ψ_{k,s}, ψ_{k,s} = w Σ_J (−D)_J ∂ρ_k/∂s_J, for each entry s of the state (u,
    and u_t where the equation is of second order): to first order the least change that reaches
    the level set. For the mass this is a constant shift; for mass and ∫u² a shift and a scaling
    about the mean. w is one on circles; between walls it and its first derivatives vanish on the
    walls, so that boundary conditions stay.

    ψ is a function of the jet, so that every space derivative of the moved state is exact.

    Args:
        problem: whose states.
        charges: the charges that are held, by name.
        levels: what each of them is.
        scales: what each of them is measured against.
        grid: the quadrature of the totals.
    """

    problem: Problem
    charges: Mapping[str, Charge]
    levels: Mapping[str, np.ndarray]
    scales: Mapping[str, float]
    grid: Grid

    @classmethod
    def of(cls, problem: Problem, charges: Mapping[str, Charge], grid: Grid) -> "FieldLevels":
        """Return the level set of some charges, none of which has a source or leaks.

        Raises:
            RecipeError: a density depends on more than the state.
        """
        begin = anchor(problem)
        levels = {n: begin.charges[n] for n in charges}
        made = cls(problem, charges, levels, {n: begin.scales[n] for n in charges}, grid)
        for name, charge in charges.items():
            for entry in charge.density.needs:
                if not problem.space.is_coordinate(entry) and made.state_entry(entry) is None:
                    raise RecipeError(
                        f"The charge {name!r} depends on {entry}, which is not part of the state "
                        f"({', '.join(problem.dynamics.state_entries)}): it cannot be held "
                        "exactly; rewrite its density by the equation, or choose 'penalty'."
                    )
        return made

    def state_entry(self, name: str) -> str | None:
        """Return the entry of the state of which an entry is a space derivative, None if of none.

        Time derivatives above the state's count as space derivatives of nothing.
        """
        dynamics, entry = self.problem.dynamics, self.problem.space.parse(name)
        order = self.time_order(name)
        return dynamics.entry(entry.field, order) if order < dynamics.orders[entry.field] else None

    def time_order(self, name: str) -> int:
        """Return how many time derivatives an entry takes."""
        index = self.problem.space.coordinates.index(self.problem.time)
        return self.problem.space.parse(name).orders[index]

    def _along(self, name: str) -> str:
        """Return the space coordinates along which an entry is a derivative, as in `xxy`."""
        space, time = self.problem.space, self.problem.time
        orders = space.parse(name).orders
        return "".join(c * n for c, n in zip(space.coordinates, orders, strict=True) if c != time)

    @cached_property
    def count(self) -> int:
        """How many numbers the charges are together."""
        return sum(math.prod(charge.density.shape) for charge in self.charges.values())

    @cached_property
    def directions(self) -> dict[str, JetFunction]:
        """By entry of the state, ψ of every charge, of shape (charges, *field's shape)."""
        return {s: self._direction(s) for s in self.problem.dynamics.state_entries}

    def _direction(self, state: str) -> JetFunction:
        space, shape = self.problem.space, self.problem.space.shape(state)
        parts = []
        for charge in self.charges.values():
            needs = [n for n in charge.density.needs if not space.is_coordinate(n)]
            names = [n for n in needs if self.state_entry(n) == state]
            terms = [
                ((-1.0) ** len(self._along(n)), self._varied(charge.density, n)) for n in names
            ]
            parts.append((math.prod(charge.density.shape), terms))

        def expression(jet: Jet) -> Array:
            rows = []
            for size, terms in parts:
                zero = jnp.zeros((size, *shape))
                rows.append(sum((sign * t(jet).reshape(zero.shape) for sign, t in terms), zero))
            return self._mask(jet) * jnp.concatenate(rows)

        return JetFunction(space, expression, f"direction of {state}")

    def _varied(self, density: JetFunction, name: str) -> JetFunction:
        return repeated_derivative(partial(density, name), self._along(name))

    def _mask(self, jet: Jet) -> Array:
        """Return w, a power of ξ(1 − ξ) along each axis with boundary conditions."""
        factors = [jnp.ones(())]
        for name, axis in self.problem.extent.items():
            orders = [
                c.operator(self.problem.space).highest_order(c.field, name)
                for c in self.problem.boundary
                if c.axis == name
            ]
            if isinstance(axis, Interval) and orders:
                share = (jet[name] - axis.lower) / axis.length
                factors.append((4.0 * share * (1.0 - share)) ** (1 + max(orders)))
        return reduce(jnp.multiply, factors)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The entries that the coefficients depend on."""
        derived = [f.needs for group in self._moves.values() for f in group.values()]
        charged = [charge.density.needs for charge in self.charges.values()]
        return tuple(sorted({n for needs in (*derived, *charged) for n in needs}))

    @cached_property
    def _moves(self) -> dict[str, dict[str, JetFunction]]:
        """By charge, the change of each entry that its density reads, a function of the jet."""
        space = self.problem.space
        return {
            name: {n: self.move(n) for n in charge.density.needs if not space.is_coordinate(n)}
            for name, charge in self.charges.items()
        }

    def move(self, name: str, later: int = 0) -> JetFunction:
        """Return D_J ψ, by how much an entry moves for one unit of each coefficient.

        Args:
            name: an entry of the state or a space derivative of one.
            later: how many time derivatives to take besides.
        """
        entry = self.problem.space.parse(name)
        top = self.problem.dynamics.orders[entry.field] - 1
        state = self.problem.dynamics.entry(entry.field, min(self.time_order(name), top))
        axes = self._along(name) + self.problem.time * later
        return repeated_derivative(self.directions[state], axes)

    def coefficients(self, near: Jet, far: Jet) -> tuple[Float[Array, " charges"], Array]:
        """Return Λ at one time, and how far it goes from one state to another to find the level.

        Args:
            near: the unprojected jets on the grid of a state about on the level set.
            far: those of the state to project.
        """
        most = self.count
        shares, share, _ = project_within_reach(self._excess, self._begin, most, (near, far))
        unit, _ = self._stated(near, far, share)
        return unit * shares, share

    def _begin(self, known: tuple[Jet, Jet], share: Array, given_up: Array) -> tuple[Array, tuple]:
        _, arguments = self._stated(*known, share)
        held = jnp.asarray(self._ranks, given_up.dtype) < self.count - given_up
        return jnp.zeros(self.count, share.dtype), (held.astype(share.dtype), *arguments)

    @cached_property
    def _ranks(self) -> np.ndarray:
        """When each component of a charge is given up, where not all can be held: the last first.

        Those are last whose densities differentiate most in space, and in declared order.
        """
        heights = []
        for charge in self.charges.values():
            orders = [
                len(self._along(n))
                for n in charge.density.needs
                if not self.problem.space.is_coordinate(n)
            ]
            heights += [max(orders, default=0)] * math.prod(charge.density.shape)
        return np.argsort(np.argsort(heights, kind="stable"), kind="stable")

    def _stated(self, near: Jet, far: Jet, share: Array) -> tuple[Array, tuple]:
        """Return, at a share of the way, the unit of Λ and the arguments of `_excess`."""
        jets, dtype = between(near, far, share), share.dtype
        moves = {
            entry: jax.vmap(move)(jets)
            for group in self._moves.values()
            for entry, move in group.items()
        }
        weights = jnp.asarray(self.grid.weights, dtype)
        unit = self._unit(moves, weights)
        scaled = {n: jnp.einsum("nk...,k->nk...", v, unit) for n, v in moves.items()}
        known = {n: jets[n] for n in self.needs}
        levels = {n: jnp.asarray(v, dtype) for n, v in self.levels.items()}
        return unit, (known, scaled, levels, weights)

    def _unit(self, moves: Entries, weights: Array) -> Float[Array, " charges"]:
        """Return a size of Λ for each charge that moves entries by about one."""
        sizes = [
            jnp.einsum("n,nk->k", weights, (v**2).reshape(*v.shape[:2], -1).sum(-1))
            for v in moves.values()
        ]
        whole = jnp.sqrt(sum(sizes, jnp.zeros(self.count, weights.dtype)) / jnp.sum(weights))
        return jnp.where(whole > 0.0, 1.0 / jnp.where(whole > 0.0, whole, 1.0), 1.0)

    def _excess(self, shares: Float[Array, " charges"], arguments: tuple) -> Array:
        """Return (I − level) / scale of the moved state; of charges given up, their share."""
        held, known, moves, levels, weights = arguments
        moved = {
            n: v + jnp.einsum("nk...,k->n...", moves[n], shares) if n in moves else v
            for n, v in known.items()
        }
        jets = Jet(self.problem.space, moved)
        parts = []
        for name, charge in self.charges.items():
            values = jax.vmap(charge.density)(jets)
            excess = jnp.tensordot(weights, values, axes=1) - levels[name]
            parts.append(excess.ravel() / self.scales[name])
        return jnp.where(held > 0.0, jnp.concatenate(parts), shares)


def between(near: Jet, far: Jet, share: Array) -> Jet:
    """Return the jet that is a share of the way from one to another at the same place."""
    space = near.space
    mixed = {
        n: v if space.is_coordinate(n) else near[n] + share * (v - near[n]) for n, v in far.items()
    }
    return Jet(space, mixed)


def moved_jet(
    levels: FieldLevels, entries: tuple[str, ...]
) -> tuple[tuple[str, ...], int, Callable[[Jet, tuple[Array, ...]], Jet]]:
    """Return how to move a jet at one point: what it takes, and the map.

    Returns:
        The entries of the unprojected jet that it reads; up to which time derivative it reads the
        coefficients; and the map from that jet and the coefficients with their time derivatives to
        the projected jet. Entries with more time derivatives than the state has are time
        derivatives of the highest of the state, by Leibniz' rule.
    """
    space, dynamics = levels.problem.space, levels.problem.dynamics
    terms: dict[str, list[tuple[float, int, JetFunction]]] = {}
    for name in entries:
        terms[name] = []
        if space.is_coordinate(name) or not dynamics.orders[space.parse(name).field]:
            continue
        excess = max(0, levels.time_order(name) - dynamics.orders[space.parse(name).field] + 1)
        for i in range(excess + 1):
            factor = float(math.comb(excess, i))
            terms[name].append((factor, i, levels.move(name, excess - i)))
    needs = {n for group in terms.values() for _, _, move in group for n in move.needs}
    height = max((i for group in terms.values() for _, i, _ in group), default=0)

    def moved(jet: Jet, coefficients: tuple[Array, ...]) -> Jet:
        values = {}
        for name, group in terms.items():
            values[name] = jet[name]
            for factor, i, move in group:
                change = jnp.tensordot(coefficients[i], move(jet), axes=1)
                values[name] = values[name] + factor * change
        return Jet(space, values)

    return tuple(sorted({*entries, *needs})), height, moved
