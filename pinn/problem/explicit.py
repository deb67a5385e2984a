"""The functions of a statement that depend on coordinates by themselves, ready to be sampled."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array, Float

from pinn.jets import Jet, JetFunction, on_jets, random_jets
from pinn.problem.statement import face_value

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

DRAWS = 3
TOGETHER = 4096
LARGEST = 256


@dataclass(frozen=True, eq=False)
class Explicit:
    """A function of coordinates that a statement holds.

    Args:
        what: what it is, as in "residual".
        coordinates: those that it depends on.
        function: from arrays of TOGETHER places, one a coordinate, to (places, components).
        numbers: the numbers that are written in it, such as the time of a switch.
    """

    what: str
    coordinates: tuple[str, ...]
    function: Callable[..., Float[Array, " components"]]
    numbers: tuple[float, ...]

    def __call__(self, points: Mapping[str, np.ndarray]) -> Float[np.ndarray, "points components"]:
        """Evaluate at points, one array a coordinate; a value that is not finite counts as zero."""
        columns = [np.asarray(points[c], float) for c in self.coordinates]
        count = len(columns[0])
        padded = [np.resize(c, -(-count // TOGETHER) * TOGETHER) for c in columns]
        parts = zip(*(np.split(c, len(c) // TOGETHER) for c in padded), strict=True)
        values = np.concatenate([np.asarray(self.function(*part)) for part in parts])
        return np.nan_to_num(values[:count], posinf=0.0, neginf=0.0)


def explicit(problem: "Problem") -> list[Explicit]:
    """Return the equation, the laws, the boundary values and the initial data that are explicit."""
    found = [_of_jets(problem, f) for f in _jet_functions(problem)]
    found += [_of_points(f"initial {n}", (*problem.extent,), f) for n, f in _initial(problem)]
    for condition in problem.boundary:
        others = tuple(c for c in problem.axes if c != condition.axis)
        for end in condition.ends:
            value = face_value(problem.space, condition, end)
            found.append(_of_points(f"boundary value of {condition.field}", others, value))
    return [one for one in found if one.coordinates]


def _initial(problem: "Problem") -> Iterator[tuple[str, Callable[..., Array]]]:
    return iter(problem.initial_state.items() if problem.extent else ())


def _jet_functions(problem: "Problem") -> Iterator[JetFunction]:
    """Return every function of the jet: the equation, its Lagrangian, and the declared laws."""
    yield problem.dynamics.residual
    if problem.action_density is not None:
        yield problem.action_density
    for name, declared in problem.conserved.items():
        for part in _law_parts(declared):
            yield on_jets(problem.space, part, f"law {name!r}")
    for condition in problem.boundary:
        yield condition.operator(problem.space)


def _law_parts(declared: Any) -> Iterator[Callable[[Jet], Any]]:
    """Return the functions of a law: a density, or the parts of a balance or of a multiplier."""
    if callable(declared):
        yield declared
        return
    for value in vars(declared).values():
        parts = value.values() if isinstance(value, Mapping) else [value]
        yield from (part for part in parts if callable(part))


def _of_jets(problem: "Problem", function: JetFunction) -> Explicit:
    """Return a function of the jet at a few states, as a function of its coordinates."""
    space = problem.space
    coordinates = tuple(c for c in space.coordinates if c in function.needs)
    entries = [n for n in function.needs if not space.is_coordinate(n)]
    states = random_jets(space, entries, 0, DRAWS, _middle(problem))

    def at(*point: Array) -> Array:
        place = dict(zip(coordinates, point, strict=True))
        values = jax.vmap(lambda state: function(Jet(space, {**state, **place})))(states)
        return _flat(values)

    return _explicit(function.name, coordinates, at if entries else _plain(function, coordinates))


def _plain(function: JetFunction, coordinates: tuple[str, ...]) -> Callable[..., Array]:
    space = function.space
    return lambda *point: _flat(function(Jet(space, dict(zip(coordinates, point, strict=True)))))


def _of_points(what: str, coordinates: tuple[str, ...], function: Callable[..., Array]) -> Explicit:
    """Return a function of some coordinates, of none where it is a constant."""
    at = lambda *point: _flat(function(*point))  # noqa: E731
    return _explicit(what, coordinates, at)


def _explicit(what: str, coordinates: tuple[str, ...], at: Callable[..., Array]) -> Explicit:
    scalar = jax.ShapeDtypeStruct((), jnp.result_type(float))
    program = jax.make_jaxpr(at)(*[scalar] * len(coordinates))
    read = {v for eqn in program.jaxpr.eqns for v in eqn.invars if not isinstance(v, Literal)}
    if not any(v in read or v in program.jaxpr.outvars for v in program.jaxpr.invars):
        coordinates = ()
    return Explicit(what, coordinates, jax.jit(jax.vmap(at)), tuple(sorted(set(_numbers(program)))))


def _flat(values: Any) -> Array:
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(values)])


def _middle(problem: "Problem") -> dict[str, np.ndarray]:
    """Return the initial state in the middle of space."""
    if problem.stationary:
        return {}
    if not problem.extent:
        return dict(problem.initial_state)
    middle = [jnp.asarray(0.5 * (a.lower + a.upper)) for a in problem.extent.values()]
    return {name: np.asarray(f(*middle)) for name, f in problem.initial_state.items()}


def _numbers(program: ClosedJaxpr) -> Iterator[float]:
    """Return the real numbers that a traced program holds, those of programs in it too."""
    for const in program.consts:
        yield from _few(const)
    for eqn in program.jaxpr.eqns:
        for variable in eqn.invars:
            if isinstance(variable, Literal):
                yield from _few(variable.val)
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                if hasattr(inner, "consts") and hasattr(inner, "jaxpr"):
                    yield from _numbers(inner)


def _few(value: Any) -> Iterator[float]:
    array = np.asarray(value)
    if array.size <= LARGEST and np.issubdtype(array.dtype, np.floating):
        yield from (float(v) for v in array.ravel() if np.isfinite(v))
