"""The equation of motion, derived once and solved for its highest derivatives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import (
    Jet,
    JetFunction,
    JetSpace,
    entry_of,
    euler_operator,
    on_jets,
    partial,
    random_jets,
    total_derivative,
)

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


@dataclass(frozen=True, eq=False)
class Dynamics:
    """An equation `residual(jet) = 0` that is affine in the highest time derivatives.

    Args:
        space: the jet space.
        time: the evolution coordinate.
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
        forces = generalised_forces(problem)
        dynamics = cls(problem.space, problem.time, _residual(problem, forces), forces)
        dynamics.check()
        return dynamics

    @cached_property
    def orders(self) -> dict[str, int]:
        """The order of the equation in time, field by field."""
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
        """The entry that the equation is solved for, field by field."""
        return {f: self.entry(f, n) for f, n in self.orders.items()}

    def mass_matrix(self, jet: Jet) -> Float[Array, "n n"]:
        """Return ∂residual/∂(highest derivatives) at a jet that holds the state."""
        zero = jnp.zeros(self.residual.size)
        return jax.jacfwd(lambda w: self._residual_at(jet, w))(zero)

    def _residual_at(self, jet: Jet, highest: Float[Array, " n"]) -> Float[Array, " n"]:
        values = self._by_entry(highest)
        rest = {n: jet[n] for n in self.residual.needs if n not in values}
        return self.residual(Jet(self.space, {**rest, **values}))

    def _by_entry(self, flat: Float[Array, " n"]) -> dict[str, Array]:
        values, start = {}, 0
        for field, name in self.highest.items():
            shape = self.space.fields[field]
            stop = start + int(np.prod(shape))
            values[name] = flat[start:stop].reshape(shape)
            start = stop
        return values

    @cached_property
    def solved(self) -> dict[str, JetFunction]:
        """The highest derivative of each field as a function of the state, q_tt = f(t, q, q_t)."""

        def solve(jet: Jet) -> dict[str, Array]:
            zero = jnp.zeros(self.residual.size)
            rest = self._residual_at(jet, zero)
            return self._by_entry(-jnp.linalg.solve(self.mass_matrix(jet), rest))

        return {
            name: JetFunction(self.space, lambda jet, name=name: solve(jet)[name], name)
            for name in self.highest.values()
        }

    def prolonged(self, orders: Mapping[str, int]) -> dict[str, JetFunction]:
        """Return, in the order to evaluate them, derivatives from the highest one up.

        Those above follow by total differentiation of the solved equation.
        """
        functions = dict(self.solved)
        for field, order in orders.items():
            for k in range(self.orders[field] + 1, order + 1):
                below = functions[self.entry(field, k - 1)]
                functions[self.entry(field, k)] = total_derivative(below, self.time)
        height = lambda item: sum(self.space.parse(item[0]).orders)  # noqa: E731
        return dict(sorted(functions.items(), key=height))

    def on_shell(self, state: Mapping[str, Array], entries: tuple[str, ...] = ()) -> Jet:
        """Return the jet of the solution through a state: the highest derivative and more.

        Args:
            state: the coordinate and every state entry.
            entries: further derivatives wanted; the highest one always comes.
        """
        parsed = [self.space.parse(n) for n in entries if not self.space.is_coordinate(n)]
        index = self.space.coordinates.index(self.time)
        orders = {f: n for f, n in self.orders.items()}
        for entry in parsed:
            orders[entry.field] = max(orders[entry.field], entry.orders[index])
        # A field's derivative may need another field's of the same or a lower height.
        top = max(orders[f] - n for f, n in self.orders.items())
        orders = {f: n + top for f, n in self.orders.items()}
        values = dict(state)
        for name, function in self.prolonged(orders).items():
            values[name] = function(Jet(self.space, values))
        return Jet(self.space, values)

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
        for field, order in self.orders.items():
            if order < 1:
                raise ProblemError(
                    f"The equation contains no {self.time}-derivative of the field {field!r} and "
                    "cannot be advanced: add its evolution equation or remove the field."
                )
        self._check_affine()

    def _check_affine(self) -> None:
        entries = {*self.residual.needs, *self.state_entries, self.time}
        jet = random_jets(self.space, entries, 1, 1)
        jet = jax.tree.map(lambda a: jnp.abs(a[0]) + 0.5, jet)
        slope = jax.jit(jax.jacfwd(lambda w: self._residual_at(jet, w)))
        size = self.residual.size
        elsewhere = np.random.default_rng(2).uniform(-1.0, 1.0, size)
        near, far = np.asarray(slope(np.zeros(size))), np.asarray(slope(elsewhere))
        if np.all(np.isfinite(near)) and np.max(np.abs(near - far)) > 1e-4 * np.max(np.abs(near)):
            raise ProblemError(
                f"The highest derivatives ({', '.join(self.highest.values())}) do not enter the "
                "residual affinely, so it cannot be solved for them: rewrite the equation."
            )


def generalised_forces(problem: "Problem") -> dict[str, JetFunction]:
    """Return −∂R/∂q_t + force, field by field; no entry where both are absent."""
    space, forces = problem.space, {}
    if problem.dissipation is not None:
        rayleigh = on_jets(space, problem.dissipation, "dissipation function")
        if rayleigh.shape != ():
            raise ProblemError(
                f"The dissipation function must return a scalar, got shape {rayleigh.shape}."
            )
        for field in space.fields:
            friction = partial(rayleigh, entry_of(space, field, problem.time, 1))
            forces[field] = [JetFunction(space, lambda j, f=friction: -f(j), "friction")]
    if problem.force is not None:
        for field, function in _applied(problem, problem.force).items():
            forces.setdefault(field, []).append(function)
    return {
        field: JetFunction(space, lambda j, parts=parts: sum(p(j) for p in parts), "force")
        for field, parts in forces.items()
    }


def _applied(problem: "Problem", force: Callable[[Jet], Any]) -> dict[str, JetFunction]:
    space = problem.space
    whole = on_jets(space, force, "force")
    if not isinstance(whole.result, Mapping):
        if len(space.fields) > 1:
            raise ProblemError(
                "With several fields, force= must return a dictionary from field name to force."
            )
        (field,) = space.fields
        parts = {field: whole}
    else:
        parts = {f: JetFunction(space, lambda j, f=f: whole(j)[f], "force") for f in whole.result}
    for field, part in parts.items():
        if field not in space.fields or part.shape != space.fields[field]:
            raise ProblemError(
                f"The force on {field!r} has shape {part.shape}, expected one of the fields "
                f"{space.fields} with its shape."
            )
    return parts


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
