"""Means, extremes and shifts of one number: what a function of one point cannot be meant to take.

A jet holds what the fields are at one point. A mean, a maximum or a shift of a scalar there is the
scalar itself, so that an integral over space, or a delay, would be left out without a word. A sum
is not asked about: a kinetic energy is often written as the sum of the squares of any field.
"""

import math

import jax
import jax.numpy as jnp

from pinn.errors import ProblemError
from pinn.jets import Jet, JetFunction

WHOLE = {
    "mean", "nanmean", "average", "median", "nanmedian", "std", "var", "max", "min", "nanmax",
    "nanmin", "ptp", "roll", "cumsum", "cumulative_sum", "cumprod",
}  # fmt: skip
REDUCING = {"reduce_sum", "reduce_max", "reduce_min", "jit"}


def check_pointwise(function: JetFunction, what: str) -> None:
    """Refuse a function of a jet that takes a mean, an extreme or a shift of one number.

    Args:
        function: the function.
        what: what the statement calls it.

    Raises:
        ProblemError: it does.
    """
    if (taken := _taken_of_one(function)) is None:
        return
    field = next(iter(function.space.fields))
    raise ProblemError(
        f"The {what} takes jnp.{taken} of a single number: j.{field} is the field at one point, so "
        "that this is no integral over space and no delay. State an integral as a further field, "
        f"as I with the equation j.I_x - j.{field}; a delay is not supported; and where the number "
        f"itself is meant, leave jnp.{taken} out."
    )


def _taken_of_one(function: JetFunction) -> str | None:
    """Return the name of the first function of jax.numpy in WHOLE that is given one number."""
    space, real = function.space, jnp.result_type(float)
    values = {name: jax.ShapeDtypeStruct(space.shape(name), real) for name in function.needs}
    program = jax.make_jaxpr(lambda v: function(Jet(space, v)))(values)
    for equation in program.eqns:
        shape = getattr(equation.invars[0].aval, "shape", ()) if equation.invars else (0,)
        if equation.primitive.name in REDUCING and math.prod(shape) == 1:
            called = equation.source_info.traceback
            frames = called.frames if called is not None else []
            named = [f.function_name for f in frames if "/jax/" in f.file_name]
            named.append(equation.params.get("name", ""))
            if found := next((name for name in named if name in WHOLE), None):
                return found
    return None
