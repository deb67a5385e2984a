"""What a claimed symmetry is, and the general form in which any can be stated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pinn.errors import ProblemError, near_matches
from pinn.jets import Jet, JetFunction, JetSpace, on_jets
from pinn.noether.generator import Generator

Build = Callable[[JetFunction, str], Generator]


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A claimed symmetry of a Lagrangian.

    Args:
        name: the name of its charge.
        build: makes the generator from the Lagrangian and the name of the time coordinate.
        sign: what Noether's I = ξL + Q·p − K is multiplied by to give the charge; −1 for energy.
        balance: accept a broken symmetry, whose charge then obeys dI/dt = Δ + Q·F.
        charge: the charge itself where it is known beforehand, as in `from_charge`.
    """

    name: str
    build: Build
    sign: float = 1.0
    balance: bool = False
    charge: Callable[[Jet], Any] | None = None


def generator(
    name: str,
    *,
    xi: Callable[[Jet], Any] | Mapping[str, Callable[[Jet], Any]] | None = None,
    eta: Mapping[str, Callable[[Jet], Any]] | None = None,
    gauge: Callable[[Jet], Any] | Mapping[str, Callable[[Jet], Any]] | None = None,
    sign: float = 1.0,
    balance: bool = False,
) -> Symmetry:
    """State any generator: coordinates move by ξ, fields by η, the Lagrangian by D·K.

    Args:
        name: the charge's name.
        xi: ξ along time, or a dictionary by coordinate.
        eta: η by field, each a function of the jet.
        gauge: K along time, or a dictionary by coordinate.
        sign: the charge is `sign` times I = ξL + Q·p − K.
        balance: accept Δ ≠ 0, and let the charge obey dI/dt = Δ + Q·F.
    """

    def build(lagrangian: JetFunction, time: str) -> Generator:
        space = lagrangian.space
        return Generator(
            space,
            xi=by_coordinate(space, time, xi, "ξ"),
            eta={f: on_jets(space, e, f"η of {f}") for f, e in (eta or {}).items()},
            gauge=by_coordinate(space, time, gauge, "K"),
        )

    return Symmetry(name, build, sign, balance)


def field_shape(space: JetSpace, field: str) -> tuple[int, ...]:
    """Return the shape of the field that a symmetry acts on, and refuse unknown ones."""
    if field not in space.fields:
        raise ProblemError(
            f"A symmetry acts on the field {field!r}, but the fields are "
            f"{', '.join(space.fields)}{near_matches(field, space.fields)}."
        )
    return space.fields[field]


def by_coordinate(space: JetSpace, time: str, given: Any, name: str) -> dict[str, JetFunction]:
    """Return functions of the jet by coordinate; a plain one is along time."""
    if given is None:
        return {}
    functions = given if isinstance(given, Mapping) else {time: given}
    as_array = lambda f: lambda j: jax.tree.map(jnp.asarray, f(j))  # noqa: E731
    return {c: on_jets(space, as_array(f), name) for c, f in functions.items()}
