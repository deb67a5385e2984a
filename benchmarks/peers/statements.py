"""The problems in plain residuals of scalar components, for any framework's arrays.

A derivative is named like `u_xx`; `maths` is a module with `sin`, `cos`, `cosh` and `exp`: numpy,
`jax.numpy` or torch. Constants are the registry's own, exported by `pinn`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import pi
from typing import Any, Literal

Entries = Mapping[str, Any]
Constants = Mapping[str, float]


@dataclass(frozen=True)
class Statement:
    """A problem for components that are functions of t, or of t and x.

    Args:
        name: in the registry of `pinn`.
        components: one scalar function each; `a` and `b` are the parts of a field of two.
        derivatives: what the residuals read besides the components.
        residuals: (entries, constants, maths) ↦ what must vanish.
        initial: (x, constants, maths) ↦ the components at t = 0, and `u_t` where it is given; in
            mechanics x is only the array whose shape they have.
        space: the kind of the x axis: none, `periodic`, or `walls`, where the components vanish.
    """

    name: str
    components: tuple[str, ...]
    derivatives: tuple[str, ...]
    residuals: Callable[[Entries, Constants, Any], tuple[Any, ...]]
    initial: Callable[[Any, Constants, Any], dict[str, Any]]
    space: Literal["none", "periodic", "walls"] = "none"

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the axes."""
        return ("t",) if self.space == "none" else ("t", "x")

    @property
    def order(self) -> int:
        """The highest derivative along t: how many initial data there are."""
        return max(name.split("_")[1].count("t") for name in self.derivatives)

    @property
    def smoothness(self) -> int:
        """The highest derivative along x: so many conditions join the ends of a circle."""
        return max(name.split("_")[1].count("x") for name in self.derivatives)


def first_order(statement: Statement) -> Statement:
    """Return the same problem with every velocity as a component of its own, after the others.

    A library whose initial data are losses knows values at the start, not slopes. The velocity of
    `u` is `udot`, with the residual u_t − udot; of order one already, a statement stays as it is.
    """
    if statement.order == 1:
        return statement
    names = statement.components

    def residuals(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
        slopes = {f"{n}_tt": d[f"{n}dot_t"] for n in names}
        given = statement.residuals({**d, **slopes}, c, maths)
        return (*given, *(d[f"{n}_t"] - d[f"{n}dot"] for n in names))

    def initial(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
        start = statement.initial(x, c, maths)
        return {n: start[n] for n in names} | {f"{n}dot": start[f"{n}_t"] for n in names}

    others = tuple(n for n in statement.derivatives if not n.endswith("_tt"))
    return replace(
        statement,
        components=(*names, *(f"{n}dot" for n in names)),
        derivatives=(*others, *(f"{n}dot_t" for n in names)),
        residuals=residuals,
        initial=initial,
    )


def _oscillator(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_tt"] + c["omega"] ** 2 * d["u"],)


def _at_rest(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
    return {"u": 0 * x + c["position"], "u_t": 0 * x + c["velocity"]}


def _pendulum(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_tt"] + c["omega"] ** 2 * maths.sin(d["u"]),)


def _released(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
    return {"u": 0 * x + c["angle"], "u_t": 0 * x}


def _kepler(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    pull = c["mu"] * (d["a"] ** 2 + d["b"] ** 2) ** -1.5
    return d["a_tt"] + pull * d["a"], d["b_tt"] + pull * d["b"]


def _pericentre(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
    e = c["eccentricity"]
    speed = (c["mu"] * (1 + e) / (1 - e)) ** 0.5
    return {"a": 0 * x + 1 - e, "b": 0 * x, "a_t": 0 * x, "b_t": 0 * x + speed}


def _burgers(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_t"] + d["u"] * d["u_x"] - c["nu"] * d["u_xx"],)


def _wave(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_tt"] - c["speed"] ** 2 * d["u_xx"],)


def _plucked(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
    return {"u": maths.sin(pi * x) + c["overtone"] * maths.sin(4 * pi * x), "u_t": 0 * x}


def _kdv(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_t"] + d["u"] * d["u_x"] + c["delta"] ** 2 * d["u_xxx"],)


def _nls(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    density = d["a"] ** 2 + d["b"] ** 2
    real = -d["b_t"] + 0.5 * d["a_xx"] + density * d["a"]
    return real, d["a_t"] + 0.5 * d["b_xx"] + density * d["b"]


def _pulse(x: Any, c: Constants, maths: Any) -> dict[str, Any]:
    return {"a": c["amplitude"] / maths.cosh(x), "b": 0 * x}


def _allen_cahn(d: Entries, c: Constants, maths: Any) -> tuple[Any, ...]:
    return (d["u_t"] - c["diffusion"] * d["u_xx"] + c["rate"] * (d["u"] ** 3 - d["u"]),)


ONE, TWO = ("u",), ("a", "b")

STATEMENTS = {
    "harmonic_oscillator": Statement(
        "harmonic_oscillator", ONE, ("u_t", "u_tt"), _oscillator, _at_rest
    ),
    "pendulum": Statement("pendulum", ONE, ("u_t", "u_tt"), _pendulum, _released),
    "kepler": Statement("kepler", TWO, ("a_t", "b_t", "a_tt", "b_tt"), _kepler, _pericentre),
    "burgers": Statement(
        "burgers",
        ONE,
        ("u_t", "u_x", "u_xx"),
        _burgers,
        lambda x, c, maths: {"u": -maths.sin(pi * x)},
        "periodic",
    ),
    "wave": Statement("wave", ONE, ("u_t", "u_tt", "u_x", "u_xx"), _wave, _plucked, "walls"),
    "kdv": Statement(
        "kdv",
        ONE,
        ("u_t", "u_x", "u_xx", "u_xxx"),
        _kdv,
        lambda x, c, maths: {"u": maths.cos(pi * x)},
        "periodic",
    ),
    "nls": Statement("nls", TWO, ("a_t", "b_t", "a_xx", "b_xx"), _nls, _pulse, "periodic"),
    "allen_cahn": Statement(
        "allen_cahn",
        ONE,
        ("u_t", "u_x", "u_xx"),
        _allen_cahn,
        lambda x, c, maths: {"u": x**2 * maths.cos(pi * x)},
        "periodic",
    ),
}
