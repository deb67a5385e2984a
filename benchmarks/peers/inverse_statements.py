"""Problems with unknowns in plain residuals, for any framework's arrays.

The constants that a residual reads are numbers, and what is trained in place of the unknown ones.
"""

from math import pi
from typing import Any

from .statements import ONE, Constants, Entries, Statement


def _lorenz(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    x, y, z = d["x"], d["y"], d["z"]
    return (
        d["x_t"] - c["sigma"] * (y - x),
        d["y_t"] - x * (c["rho"] - z) + y,
        d["z_t"] - x * y + c["beta"] * z,
    )


def _burgers(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_t"] + c["transport"] * d["u"] * d["u_x"] - c["viscosity"] * d["u_xx"],)


INVERSE = {
    "lorenz_inverse": Statement(
        "lorenz_inverse",
        ("x", "y", "z"),
        ("x_t", "y_t", "z_t"),
        _lorenz,
        lambda x, c, maths: {},  # the start is unknown
    ),
    "burgers_inverse": Statement(
        "burgers_inverse",
        ONE,
        ("u_t", "u_x", "u_xx"),
        _burgers,
        lambda x, c, maths: {"u": -maths.sin(pi * x)},
        "walls",  # the sine is odd, and the ends of the circle stay at zero
    ),
}
