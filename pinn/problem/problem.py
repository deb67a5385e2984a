"""The statement of a problem, as the user writes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from pinn.errors import ProblemError, near_matches
from pinn.jets import Jet, JetFunction, JetSpace, on_jets
from pinn.problem.axes import Interval
from pinn.problem.origin import Origin

if TYPE_CHECKING:
    from pinn.noether.symmetry import Symmetry
    from pinn.problem.dynamics import Dynamics

Density = Callable[[Jet], Float[Array, "..."]]


@dataclass(frozen=True)
class Balance:
    """A quantity that obeys dI/dt = source on every solution, instead of being conserved.

    Args:
        density: I as a function of the jet.
        source: its rate of change as a function of the jet.
    """

    density: Density
    source: Density


@dataclass(frozen=True, eq=False)
class Problem:
    """An initial value problem for one or more fields, stated once.

    Args:
        axes: the coordinates, single letters, in order; mechanics has one.
        fields: the shape of each field's value; `()` is a scalar.
        lagrangian: L as a function of the jet. The equation of motion is
            𝓔 = D_t ∂L/∂q_t − ∂L/∂q (and its higher-order form) = force − ∂R/∂q_t.
        residual: instead of a Lagrangian, the left side of `residual = 0`: one array, or a tuple or
            dictionary of arrays, with one number for each unknown.
        initial: the fields and their derivatives below the highest one, at the start.
        symmetries: claimed symmetries of the Lagrangian, from `pinn.symmetry`.
        conserved: further conserved quantities by name, functions of the jet, or `Balance`.
        dissipation: Rayleigh's function R of the jet; friction is −∂R/∂q_t (Rayleigh 1873).
        force: generalised forces that no potential gives, by field, or one array for one field.
        exact: the closed form, from one scalar a coordinate to the fields' values by name.
        scales: the size that a charge's drift is measured against, where its value at the start
            vanishes or misleads.
        references: reference methods to prefer over the default.

    Raises:
        ProblemError: the statement contradicts itself.
    """

    axes: Mapping[str, Interval]
    fields: Mapping[str, tuple[int, ...]]
    lagrangian: Density | None = None
    residual: Callable[[Jet], PyTree[Array]] | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    symmetries: "Sequence[Symmetry]" = ()
    conserved: Mapping[str, Density | Balance] = field(default_factory=dict)
    dissipation: Density | None = None
    force: Callable[[Jet], Any] | None = None
    exact: Callable[..., Mapping[str, Array]] | None = None
    scales: Mapping[str, float] = field(default_factory=dict)
    references: Sequence[Any] = ()
    name: str = "problem"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None

    def __post_init__(self):
        _check_axes(self.axes)
        if not isinstance(self.fields, Mapping) or not self.fields:
            raise ProblemError("The problem has no fields: give fields={'q': (2,)} or similar.")
        if (self.lagrangian is None) == (self.residual is None):
            raise ProblemError(
                "A problem needs either lagrangian= or residual=, not both and not neither."
            )
        if isinstance(self.symmetries, str) or not isinstance(self.symmetries, Sequence):
            raise ProblemError(
                "symmetries= takes a list, as in [pinn.symmetry.time_translation()], got "
                f"{type(self.symmetries).__name__}."
            )
        for one in self.symmetries:
            if not hasattr(one, "build"):
                raise ProblemError(
                    f"symmetries= holds {one!r}, expected symmetries from pinn.symmetry such as "
                    "time_translation()."
                )
        for name, scale in self.scales.items():
            if not (isinstance(scale, int | float) and 0.0 < scale < float("inf")):
                raise ProblemError(
                    f"scales= gives {name!r} the size {scale!r}: give a positive number."
                )
        for key in ("symmetries", "dissipation", "force"):
            if getattr(self, key) and self.lagrangian is None:
                raise ProblemError(
                    f"The problem gives {key}= without a Lagrangian: with residual=, write forces "
                    "into the residual and declare laws in conserved=."
                )

    @cached_property
    def space(self) -> JetSpace:
        """The jet space of the fields over the axes."""
        return JetSpace.of(tuple(self.axes), self.fields)

    @cached_property
    def time(self) -> str:
        """The evolution axis: `t`, or the only axis."""
        return "t" if "t" in self.axes else next(iter(self.axes))

    @property
    def interval(self) -> Interval:
        """The extent of the evolution axis."""
        return self.axes[self.time]

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

        return Dynamics.of(self)

    @cached_property
    def initial_state(self) -> dict[str, np.ndarray]:
        """The initial data by canonical entry name, checked against the equation's order.

        NumPy arrays in double precision, whatever precision JAX is set to.
        """
        expected = self.dynamics.state_entries
        given = {self.space.canonical(name): value for name, value in self.initial.items()}
        for name in given:
            if name not in expected:
                raise ProblemError(
                    f"Initial data for {name!r} contradict the equation, whose state is "
                    f"{', '.join(expected)}{near_matches(name, expected)}: remove it."
                )
        for name in expected:
            if name not in given:
                raise ProblemError(
                    f"Initial data for {name!r} are missing; the equation's state is "
                    f"{', '.join(expected)}: add it to initial=."
                )
        return {name: _initial_value(self.space, name, given[name]) for name in expected}


def _check_axes(axes: Mapping[str, Interval]) -> None:
    if not isinstance(axes, Mapping):
        raise ProblemError(
            f"axes= takes a dictionary such as {{'t': pinn.Interval(0.0, 1.0)}}, got {axes!r}."
        )
    for name, axis in axes.items():
        if not isinstance(axis, Interval):
            raise ProblemError(f"The axis {name!r} must be a pinn.Interval, got {axis!r}.")
    if len(axes) != 1:
        raise ProblemError(
            f"A problem has exactly one axis in this version, got {len(axes)} "
            f"({', '.join(axes) or 'none'}): state an ordinary differential equation over time."
        )


def _initial_value(space: JetSpace, name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"The initial value of {name!r} is not numeric: {value!r}.") from error
    if array.shape != space.shape(name):
        raise ProblemError(
            f"The initial value of {name!r} has shape {array.shape}, expected {space.shape(name)} "
            "as declared in fields=: change one of them."
        )
    if not np.all(np.isfinite(array)):
        raise ProblemError(f"The initial value of {name!r} is not finite: {array}.")
    return array
