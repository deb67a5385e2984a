"""The functions that a user states: called with care, and looked at before anything relies on them.

What they return must be real, what they raise is told with its place, and arrays that they captured
are in double precision, or that is said.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from pinn.errors import (
    FunctionError,
    PinnError,
    PrecisionWarning,
    ProblemError,
    place,
    reason,
    warn,
)
from pinn.jets import JetFunction, JetSpace, on_jets
from pinn.precision import arithmetic, single, unwarned
from pinn.problem.digest import from_library, reached
from pinn.problem.pointwise import check_pointwise

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

DEEPEST = 4


@dataclass(frozen=True)
class Guarded:
    """A function of coordinates whose errors, and complex values, are told in a sentence.

    Args:
        function: the user's.
        what: what the problem's statement calls it.
    """

    function: Callable[..., Any]
    what: str

    def __call__(self, *point: Any) -> Any:
        """Return what the function does.

        Raises:
            FunctionError: it raised something.
            ProblemError: it returned complex numbers.
        """
        try:
            with unwarned():
                value = self.function(*point)
        except PinnError:
            raise
        except Exception as error:
            raise FunctionError(
                f"The {self.what} raises {reason(error)}{place(error)}: write it with jax.numpy, "
                "for one point."
            ) from error
        if any(jnp.iscomplexobj(leaf) for leaf in jax.tree.leaves(value)):
            raise ProblemError(complex_sentence(f"The {self.what}"))
        return value


def guarded(function: Callable[..., Any], what: str) -> Guarded:
    """Return a function as a `Guarded` one, unchanged where it is one."""
    return function if isinstance(function, Guarded) else Guarded(function, what)


def complex_sentence(what: str, space: JetSpace | None = None) -> str:
    """Return what to do about complex numbers, with the pair form of a problem's first field."""
    field, shape = next(iter(space.fields.items())) if space else ("c", (3,))
    pair = ", ".join(map(str, (2, *shape))) + ("" if shape else ",")
    return (
        f"{what} is complex, but fields are real: state a complex field z as the pair of its real "
        f"and imaginary part, fields={{{field!r}: ({pair})}}, write z = j.{field}[0] + 1j * "
        f"j.{field}[1] and z_t = j.{field}_t[0] + 1j * j.{field}_t[1], return jnp.stack([r.real, "
        "r.imag]) of the equation r, and give initial data as pairs too."
    )


def check_functions(problem: "Problem") -> None:
    """Look at every function of a jet that a problem states, and at what it captured.

    Raises:
        FunctionError: one raises something.
        ProblemError: one is complex, boolean or whole-numbered, captured a traced value, or takes a
            mean or a shift of one number.
    """
    with arithmetic("float64"):
        for what, function in stated_functions(problem):
            _check_real(function, what)
            check_pointwise(function, what)
            check_captured(function.function, what, function.constants)
        if problem.exact is not None:
            point = [jax.ShapeDtypeStruct((), jnp.result_type(float))] * len(problem.axes)
            jax.eval_shape(problem.exact, *point)


def stated_functions(problem: "Problem") -> Iterator[tuple[str, JetFunction]]:
    """Return the functions of a jet that a problem states, each with what it is called."""
    if problem.action_density is not None:
        yield "Lagrangian", problem.action_density
    functions = {
        "residual": problem.residual,
        "dissipation function": problem.dissipation,
        "force": problem.force,
    }
    for name, law in problem.conserved.items():
        parts = {"density": law} if callable(law) else _functions_in(vars(law))
        functions |= {f"{part} of {name!r}": function for part, function in parts.items()}
    for what, function in functions.items():
        if function is not None:
            yield what, on_jets(problem.space, function, what)
    for condition in problem.boundary:
        yield f"condition on {condition.field!r}", condition.operator(problem.space)


def _functions_in(parts: Mapping[str, Any]) -> dict[str, Callable]:
    found = {}
    for name, part in parts.items():
        if callable(part):
            found[name] = part
        elif isinstance(part, Mapping):
            found |= {f"{name} along {key}": f for key, f in part.items() if callable(f)}
    return found


def _check_real(function: JetFunction, what: str) -> None:
    for leaf in jax.tree.leaves(function.result):
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise ProblemError(complex_sentence(f"The {what}", function.space))
        if leaf.dtype == bool:
            raise ProblemError(
                f"The {what} is true or false, expected real numbers: where it compares two sides, "
                "as in a == b or a > b, return their difference a - b."
            )
        constant = what in ("residual", "Lagrangian") or what.startswith("density")
        if jnp.issubdtype(leaf.dtype, jnp.integer) and constant:
            raise ProblemError(
                f"The {what} returns whole numbers, on which nothing can depend smoothly: return "
                "real numbers that depend on the fields, and leave out what is constant."
            )


def check_captured(function: Any, what: str, constants: tuple[Any, ...] = ()) -> None:
    """Refuse traced values that a function captured, and warn of single precision.

    Args:
        function: the function, whose closure and globals are looked through.
        what: what the statement calls it.
        constants: the arrays that its traced program holds.

    Raises:
        ProblemError: it captured a value that JAX is tracing.
    """
    held = [(None, value) for value in constants] + [*_held(function, DEEPEST)]
    for name, value in held:
        if isinstance(value, Tracer):
            raise ProblemError(traced_sentence(f"The {what}"))
        if kind := single(value):
            said = "a constant" if name is None else repr(name)
            warn_single(f"The {what} holds {said}", kind)
            return


def warn_single(what: str, kind: str) -> None:
    """Warn that numbers of a problem are in less than double precision."""
    warn(
        f"{what} in {kind}, which holds about {_digits(kind)} digits, in the reference too, so "
        "that no comparison shows what is lost. Give plain numbers or NumPy arrays, or make it "
        "after jax.config.update('jax_enable_x64', True), as problem files are read.",
        PrecisionWarning,
    )


def traced_sentence(what: str) -> str:
    """Return what to say where a problem is to be built of values that JAX is tracing."""
    return (
        f"{what} holds a value that JAX is tracing (jit, grad or vmap around the statement): a "
        "problem is stated and solved with numbers, and a solution may then be transformed; for "
        "several values solve one problem each, and difference them for derivatives."
    )


def is_traced(value: Any) -> bool:
    """Tell whether a value is, or holds, one that JAX is tracing."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value))


def _digits(kind: str) -> int:
    return {"float32": 7, "complex64": 7}.get(kind, 3)


def _held(function: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Return the arrays and numbers that a function refers to, through other functions too."""
    function = getattr(function, "function", function)  # of a guarded one, or one of a jet
    if not isinstance(function, FunctionType) or not depth:
        return
    for name, value in reached(function).items():
        if callable(value):
            yield from () if from_library(value) else _held(value, depth - 1)
        elif isinstance(value, np.ndarray | np.generic | jax.Array | Mapping | tuple | list):
            yield name, value
