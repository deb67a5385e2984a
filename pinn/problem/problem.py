"""The statement of a problem, as the user writes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import jax
from jaxtyping import Array, Float, PyTree

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction, JetSpace, on_jets
from pinn.problem.axes import Axis, Interval
from pinn.problem.binding import bound, bound_function
from pinn.problem.conditions import AbstractCondition
from pinn.problem.data import Data
from pinn.problem.ends import PeriodicOrbit, check_ends
from pinn.problem.functions import check_captured, guarded
from pinn.problem.guess import checked_guess, opened
from pinn.problem.openness import check_begun, check_unknowns, checked_data, refuse_open
from pinn.problem.origin import Origin
from pinn.problem.statement import check_statement, initial_values, traced_initial_values
from pinn.problem.unknowns import Field, Function, Unknown

if TYPE_CHECKING:
    from pinn.noether.symmetry import Symmetry
    from pinn.problem.dynamics import Dynamics

Density = Callable[[Jet], Float[Array, "..."]]


@dataclass(frozen=True)
class Balance:
    """A quantity that obeys dI/dt = source on every solution, instead of being conserved.

    Over fields, I is the integral of the density over space, and the law is local:
    D_t density + Σ D_x flux_x = source on solutions.

    Args:
        density: I, or its density, as a function of the jet.
        source: its rate of change as a function of the jet; None where it is conserved.
        flux: by space coordinate, what flows along it; found by the library where left out.
    """

    density: Density
    source: Density | None = None
    flux: Mapping[str, Density] | None = None


@dataclass(frozen=True)
class Multiplier:
    """A conservation law stated by its multiplier: Λ·residual is a divergence on every jet.

    The library verifies it and finds density and flux, Λ·residual = D_t T + Σ D_x X (Anco & Bluman
    2002, doi:10.1017/S095679250100465X).

    Args:
        function: Λ as a function of the jet, one number for each component of the residual.
        density: T where a certain form of it is wanted; it may differ by a divergence.
    """

    function: Density
    density: Density | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem for one or more fields, stated once: from initial data, or stationary.

    The evolution axis is `t`, or the only axis; without it the problem is stationary.

    Args:
        axes: the coordinates, single letters, in order: an `Interval` or, in space, `Periodic`.
            Mechanics has one.
        fields: the shape of each field's value, `()` for a scalar; `Field` for an unknown function
            of coordinates, which is moved to `coefficients`.
        lagrangian: L as a function of the jet. The equation of motion is
            𝓔 = D_t ∂L/∂q_t − ∂L/∂q (and its higher-order form) = force − ∂R/∂q_t.
        residual: instead of a Lagrangian, the left side of `residual = 0`: one array, or a tuple or
            dictionary of arrays, with one number for each unknown.
        initial: the fields and their time derivatives below the highest one, at the start: values,
            or functions of the space coordinates.
        boundary: conditions at the ends of intervals: `Dirichlet`, `Neumann`, `Robin`,
            `Derivative`. In mechanics those across time, and a `PeriodicOrbit`, stand for initial
            data that are not given; in time an array has the shape of the left side.
        symmetries: claimed symmetries of the Lagrangian, from `pinn.symmetry`.
        conserved: further conserved quantities by name, functions of the jet (densities, where
            there is space), `Balance` or `Multiplier`.
        dissipation: Rayleigh's function R of the jet; friction is −∂R/∂q_t (Rayleigh 1873).
        force: generalised forces that no potential gives, by field, or one array for one field.
        exact: the closed form, from one scalar a coordinate to the fields' values by name.
        scales: the size that a charge's drift is measured against, where its value at the start
            vanishes or misleads.
        references: reference methods to prefer over the default.
        name: what it is called.
        unknowns: constants to be found from data, by name; functions of the jet read them as its
            entries, `j.length`, and functions of coordinates take them by name.
        functions: unknown functions of the state, by name, `j.force(j.q)`.
        data: what was measured.
        guess: a first guess of a solution that conditions in time fix, as exact=: it tells one of
            several solutions.
        coefficients: unknown functions of coordinates; those in `fields=` are put here.
        orbit: the `PeriodicOrbit` in `boundary=`, which is put here.
        values: what its unknowns were set to, by `at`.
        parameters: the numbers that it was built with.
        origin: where a saved solver finds it again; a registered function sets these three.
        found: what was found out about it before it was saved, and is not to be found out anew.

    Raises:
        ProblemError: the statement contradicts itself.
    """

    axes: Mapping[str, Axis]
    fields: Mapping[str, Any]
    lagrangian: Density | None = None
    residual: Callable[[Jet], PyTree[Array]] | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    boundary: Sequence[Any] = ()
    symmetries: "Sequence[Symmetry]" = ()
    conserved: Mapping[str, Density | Balance | Multiplier] = field(default_factory=dict)
    dissipation: Density | None = None
    force: Callable[[Jet], Any] | None = None
    exact: Callable[..., Mapping[str, Array]] | None = None
    scales: Mapping[str, float] = field(default_factory=dict)
    references: Sequence[Any] = ()
    unknowns: Mapping[str, Unknown] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    data: Sequence[Data] = ()
    guess: Callable[..., Mapping[str, Array]] | None = None
    coefficients: Mapping[str, Field] = field(default_factory=dict)
    orbit: PeriodicOrbit | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    name: str = "problem"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None
    found: Mapping[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self):
        if isinstance(self.fields, Mapping):
            open_ones = {n: f for n, f in self.fields.items() if isinstance(f, Field)}
            shapes = {n: f for n, f in self.fields.items() if n not in open_ones}
            object.__setattr__(self, "fields", shapes)
            object.__setattr__(self, "coefficients", {**self.coefficients, **open_ones})
        if isinstance(self.boundary, Sequence):
            orbits = [c for c in self.boundary if isinstance(c, PeriodicOrbit)]
            rest = [c for c in self.boundary if not isinstance(c, PeriodicOrbit)]
            if len(orbits) > 1:
                raise ProblemError(
                    f"boundary= has {len(orbits)} times pinn.PeriodicOrbit: an orbit closes in all "
                    "of its state, so one stands for all fields."
                )
            object.__setattr__(self, "orbit", orbits[0] if orbits else self.orbit)
            object.__setattr__(self, "boundary", rest)
        check_unknowns(self)
        check_statement(self)
        if self.two_point:
            self._open_ends()
        elif self.guess is not None:
            raise ProblemError(
                "guess= belongs to a problem with conditions in time, which may have several "
                "solutions: remove it."
            )
        check_begun(self)
        object.__setattr__(self, "data", checked_data(self))
        if self.exact is not None:
            object.__setattr__(self, "exact", guarded(self.exact, "closed form in exact="))
            check_captured(self.exact, "closed form in exact=")

    def _open_ends(self) -> None:
        if self.guess is not None:
            object.__setattr__(self, "guess", checked_guess(self))
        check_ends(self)
        initial, unknowns = opened(self)
        object.__setattr__(self, "initial", initial)
        object.__setattr__(self, "unknowns", unknowns)
        for name in ("space", "unknown_names"):
            vars(self).pop(name, None)

    def knowing(self, found: Mapping[str, Any]) -> "Problem":
        """Return the same problem with what was found out about it, for as long as it is the same.

        `dataclasses.replace` makes another problem, of which nothing is known.
        """
        known = replace(self)
        object.__setattr__(known, "found", found)
        return known

    def at(self, **values: Any) -> "Problem":
        """Return the problem with values in place of unknowns: an ordinary one when all are given.

        Args:
            values: a number or array for each constant and each unknown initial value, by its name;
                a function of its arguments for each unknown function.

        Raises:
            ProblemError: a name is not an unknown, or a value has the wrong shape.
        """
        return replace(bound(self, values))

    def traced(self, values: Mapping[str, Any]) -> "Problem":
        """Return the problem with values that JAX may be tracing, which are not looked at.

        What was checked of the statement must hold for these values too.
        """
        from pinn.problem.dynamics import Dynamics

        problem = bound(self, values, checked=False)
        vars(problem)["dynamics"] = Dynamics.unchecked(problem)
        vars(problem)["initial_state"] = traced_initial_values(problem)
        return problem

    def bound_function(self, function: Density, values: Mapping[str, Any]) -> Density:
        """Return a function of the jet with values in place of the unknowns that it reads."""
        return bound_function(self, function, values)

    @cached_property
    def unknown_names(self) -> tuple[str, ...]:
        """What is to be found: constants, functions, then initial data by entry."""
        space = self.closed_space
        begin = [space.canonical(n) for n, v in self.initial.items() if isinstance(v, Unknown)]
        return (*self.unknowns, *self.functions, *self.coefficients, *begin)

    @cached_property
    def space(self) -> JetSpace:
        """The jet space of the fields over the axes, with the unknowns that its jets hold."""
        others = (*self.unknowns, *self.functions, *self.coefficients)
        return JetSpace.of(tuple(self.axes), self.fields, others)

    @cached_property
    def closed_space(self) -> JetSpace:
        """The jet space of the fields over the axes, once nothing is unknown."""
        return JetSpace.of(tuple(self.axes), self.fields)

    @cached_property
    def stationary(self) -> bool:
        """Whether there is no evolution axis."""
        return "t" not in self.axes and (len(self.axes) > 1 or bool(self.boundary))

    @cached_property
    def two_point(self) -> bool:
        """Whether conditions in time stand for initial data."""
        return self.orbit is not None or bool(self.in_time)

    @cached_property
    def in_time(self) -> tuple[AbstractCondition, ...]:
        """The conditions across time."""
        given = [] if self.stationary else self.boundary
        return tuple(c for c in given if c.axis == self.time)

    @cached_property
    def time(self) -> str:
        """The evolution axis: `t`, or the only axis.

        Raises:
            ProblemError: the problem is stationary.
        """
        if self.stationary:
            raise ProblemError(f"The problem {self.name!r} is stationary: it has no axis 't'.")
        return "t" if "t" in self.axes else next(iter(self.axes))

    @property
    def interval(self) -> Interval:
        """The extent of the evolution axis."""
        return cast(Interval, self.axes[self.time])

    @cached_property
    def extent(self) -> dict[str, Axis]:
        """The space axes by name; none in mechanics."""
        return {c: a for c, a in self.axes.items() if self.stationary or c != self.time}

    @cached_property
    def action_density(self) -> JetFunction | None:
        """The Lagrangian as a function on jet space, or None."""
        if self.lagrangian is None:
            return None
        density = on_jets(self.space, self.lagrangian, "Lagrangian")
        leaves = jax.tree.leaves(density.result)
        if len(leaves) != 1 or leaves[0].shape != ():
            shapes = [leaf.shape for leaf in leaves]
            raise ProblemError(
                f"The Lagrangian must return one scalar, got {shapes}: sum over the components, "
                "for example with `@` or `jnp.sum`."
            )
        return density

    @cached_property
    def dynamics(self) -> "Dynamics":
        """The equation of motion, solved for its highest derivatives."""
        from pinn.problem.dynamics import Dynamics

        refuse_open(self)
        return Dynamics.of(self)

    @cached_property
    def initial_state(self) -> dict[str, Any]:
        """The initial data by canonical entry name, checked against the equation's order.

        NumPy arrays in double precision, whatever precision JAX is set to; over space, functions of
        one scalar a space coordinate.
        """
        refuse_open(self)
        return initial_values(self)
