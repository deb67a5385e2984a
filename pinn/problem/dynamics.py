"""The equation of motion, derived once and solved for its highest derivatives."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import (
    Entry,
    Jet,
    JetFunction,
    JetSpace,
    entry_of,
    euler_operator,
    on_jets,
    random_jets,
    total_derivative,
)
from pinn.problem.forces import generalised_forces
from pinn.problem.functions import check_functions

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


@dataclass(frozen=True, eq=False)
class Dynamics:
    """An equation `residual(jet) = 0` that is affine in the highest time derivatives.

    Args:
        space: the jet space.
        time: the evolution coordinate, "" for a stationary equation.
        residual: the equation's left side as one flat vector.
        forces: the generalised force on each field; empty for a closed Lagrangian system.
    """

    space: JetSpace
    time: str
    residual: JetFunction
    forces: Mapping[str, JetFunction]

    @classmethod
    def of(cls, problem: "Problem") -> "Dynamics":
        """Derive the equation of motion of a problem.

        Raises:
            ProblemError: wrong number of equations, or a singular or non-affine highest derivative.
        """
        check_functions(problem)
        dynamics = cls.unchecked(problem)
        dynamics.check()
        return dynamics

    @classmethod
    def unchecked(cls, problem: "Problem") -> "Dynamics":
        """Derive the equation of motion of a problem that is known to have one."""
        forces = generalised_forces(problem)
        time = "" if problem.stationary else problem.time
        return cls(problem.space, time, _residual(problem, forces), forces)

    @cached_property
    def orders(self) -> dict[str, int]:
        """The order of the equation in time, field by field; 0 in a stationary equation."""
        if not self.time:
            return dict.fromkeys(self.space.fields, 0)
        return {f: self.residual.highest_order(f, self.time) for f in self.space.fields}

    def entry(self, field: str, order: int) -> str:
        """Return the name of a field's time derivative of some order."""
        return entry_of(self.space, field, self.time, order)

    @cached_property
    def state_entries(self) -> tuple[str, ...]:
        """The entries that fix the solution: every derivative below the highest."""
        return tuple(self.entry(f, k) for f, n in self.orders.items() for k in range(n))

    @cached_property
    def highest(self) -> dict[str, str]:
        """The highest pure time derivative, field by field."""
        return {f: self.entry(f, n) for f, n in self.orders.items()}

    @cached_property
    def leading(self) -> dict[str, str]:
        """The entry that the equation is solved for pointwise, field by field.

        It is the highest time derivative; where a mixed one as high occurs (u_txx in u_t − u_txx),
        the one of those with the most space derivatives; in a stationary equation, the highest
        derivative.
        """
        return {f: self._leading(f) for f in self.space.fields}

    def _leading(self, field: str) -> str:
        entries = [self.space.parse(n) for n in self.residual.needs if n in self._derivatives]
        orders = [e.orders for e in entries if e.field == field]
        if not orders:
            return field
        index = self.space.coordinates.index(self.time) if self.time else None
        height = lambda o: (0 if index is None else o[index], sum(o), o)  # noqa: E731
        return self.space.name(Entry(field, max(orders, key=height)))

    @cached_property
    def _derivatives(self) -> frozenset[str]:
        return frozenset(n for n in self.residual.needs if not self.space.is_coordinate(n))

    @cached_property
    def pointwise(self) -> bool:
        """Whether the highest time derivatives enter without space derivatives on them."""
        return bool(self.time) and self.leading == self.highest

    @cached_property
    def top(self) -> tuple[str, ...]:
        """Every entry with as many time derivatives as the highest, mixed ones included."""
        index = self.space.coordinates.index(self.time)
        entries = [(n, self.space.parse(n)) for n in sorted(self._derivatives)]
        return tuple(n for n, e in entries if e.orders[index] == self.orders[e.field])

    def mass_matrix(self, jet: Jet) -> Float[Array, "n n"]:
        """Return ∂residual/∂(leading derivatives) at a jet that holds the state."""
        zero = jnp.zeros(self.residual.size)
        return jax.jacfwd(lambda w: self._residual_at(jet, w))(zero)

    def _residual_at(self, jet: Jet, leading: Float[Array, " n"]) -> Float[Array, " n"]:
        values = self._by_entry(leading)
        rest = {n: jet[n] for n in self.residual.needs if n not in values}
        return self.residual(Jet(self.space, {**rest, **values}))

    def _by_entry(self, flat: Float[Array, " n"]) -> dict[str, Array]:
        values, start = {}, 0
        for field, name in self.leading.items():
            shape = self.space.fields[field]
            stop = start + int(np.prod(shape))
            values[name] = flat[start:stop].reshape(shape)
            start = stop
        return values

    @cached_property
    def solved(self) -> dict[str, JetFunction]:
        """The leading derivatives as functions of lower ones, as q_tt = f(t, q, q_t)."""

        def solve(jet: Jet) -> dict[str, Array]:
            zero = jnp.zeros(self.residual.size)
            rest = self._residual_at(jet, zero)
            return self._by_entry(-jnp.linalg.solve(self.mass_matrix(jet), rest))

        return {
            name: JetFunction(self.space, lambda jet, name=name: solve(jet)[name], name)
            for name in self.leading.values()
        }

    @cached_property
    def _implied(self) -> dict[str, JetFunction]:
        return dict(self.solved)

    def implied(self, name: str) -> JetFunction | None:
        """Return an entry as the equation gives it: a total derivative of the solved equation.

        None where the equation leaves the entry free. The result may need further entries that are
        implied in their turn.
        """
        if name in self._implied or self.space.is_coordinate(name):
            return self._implied.get(name)
        entry = self.space.parse(name)
        lead = self.space.parse(self.leading[entry.field])
        excess = [a - b for a, b in zip(entry.orders, lead.orders, strict=True)]
        if min(excess) < 0:
            return None
        axis = next(i for i, n in enumerate(excess) if n)
        lower = tuple(n - (i == axis) for i, n in enumerate(entry.orders))
        below = self.implied(self.space.name(Entry(entry.field, lower)))
        assert below is not None
        self._implied[name] = total_derivative(below, self.space.coordinates[axis])
        return self._implied[name]

    def on_shell(self, free: Mapping[str, Array], entries: Iterable[str] = ()) -> Jet:
        """Return the jet of a solution from its free entries: the leading derivatives and more.

        Args:
            free: the coordinates and every entry that the equation does not give; in mechanics
                the time and the state.
            entries: further derivatives wanted; the leading ones always come.
        """
        return self.completed(free, (*self.leading.values(), *entries))

    def completed(self, free: Mapping[str, Array], entries: Iterable[str]) -> Jet:
        """Return the given values with those of the wanted entries that the equation implies."""
        values = dict(free)

        def complete(name: str) -> None:
            function = None if name in values else self.implied(name)
            if function is not None:
                for need in function.needs:
                    complete(need)
                values[name] = function(Jet(self.space, values))

        for name in map(self.space.canonical, entries):
            complete(name)
        return Jet(self.space, values)

    def free_entries(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the coordinates and entries that determine the given ones on solutions."""
        free, seen = set(), set()

        def trace(name: str) -> None:
            if name in seen:
                return
            seen.add(name)
            function = self.implied(name)
            if function is None:
                free.add(name)
            else:
                for need in function.needs:
                    trace(need)

        for name in map(self.space.canonical, names):
            trace(name)
        return tuple(sorted(free))

    def restricted(self, function: JetFunction) -> JetFunction:
        """Return a function on solutions, in terms of the entries that the equation leaves free."""
        free = self.free_entries(function.needs)

        def expression(jet: Jet) -> Any:
            return function(self.completed({n: jet[n] for n in free}, function.needs))

        return JetFunction(self.space, expression, function.name)

    def check(self) -> None:
        """Refuse an equation that cannot be advanced in time.

        Raises:
            ProblemError: wrong number of equations, a field without evolution, a highest derivative
                that does not enter affinely.
        """
        unknowns = sum(int(np.prod(shape)) for shape in self.space.fields.values())
        if self.residual.size != unknowns:
            raise ProblemError(
                f"The residual has {self.residual.size} components for {unknowns} unknowns in "
                f"fields {self.space.fields}: give one equation for each unknown."
            )
        if not self.time:
            return
        for field, order in self.orders.items():
            if order < 1 and len(self.space.coordinates) == 1:
                raise ProblemError(
                    f"The equation contains no {self.time}-derivative of the field {field!r} and "
                    "cannot be advanced: add its evolution equation or remove the field."
                )
        if not any(self.orders.values()):
            raise ProblemError(
                f"The equation contains no {self.time}-derivative of any field: remove the axis "
                f"{self.time!r} to state a stationary problem."
            )
        self._check_affine()

    def _check_affine(self) -> None:
        entries = {*self.residual.needs, *self.state_entries, self.time}
        jet = random_jets(self.space, entries, 1, 1)
        jet = jax.tree.map(lambda a: jnp.abs(a[0]) + 0.5, jet)
        generator = np.random.default_rng(2)
        shapes = {n: self.space.shape(n) for n in self.top}
        elsewhere = {n: jnp.asarray(generator.uniform(-1.0, 1.0, s)) for n, s in shapes.items()}
        at = lambda w: self.residual(Jet(self.space, {**jet, **w}))  # noqa: E731
        slope = jax.jit(jax.jacfwd(at))
        near, far = (
            np.concatenate([np.ravel(a) for a in jax.tree.leaves(slope(w))])
            for w in (jax.tree.map(jnp.zeros_like, elsewhere), elsewhere)
        )
        if np.all(np.isfinite(near)) and np.max(np.abs(near - far)) > 1e-4 * np.max(np.abs(near)):
            raise ProblemError(
                f"The highest derivatives ({', '.join(self.top)}) do not enter the "
                "residual affinely, so it cannot be solved for them: rewrite the equation."
            )


def _residual(problem: "Problem", forces: Mapping[str, JetFunction]) -> JetFunction:
    space = problem.space
    lagrangian = problem.action_density
    if lagrangian is None:  # then there is a residual, as the problem has checked
        whole = on_jets(space, cast(Callable[[Jet], Any], problem.residual), "residual")

        def flat(jet: Jet) -> Array:
            return jnp.concatenate([jnp.ravel(a) for a in jax.tree.leaves(whole(jet))])

        return JetFunction(space, flat, "residual")
    euler = {field: euler_operator(lagrangian, field) for field in space.fields}

    def equation(jet: Jet) -> Array:
        rows = []
        for field, expression in euler.items():
            row = -expression(jet)
            rows.append(jnp.ravel(row - forces[field](jet) if field in forces else row))
        return jnp.concatenate(rows)

    return JetFunction(space, equation, "equation of motion")
