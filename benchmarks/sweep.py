"""Every problem of the catalogue over the values that its own docstring calls good.

Those with unknowns are left out: they are found from data, not from a start. The ends of each range
are read from the docstring (`pinn.benchmark.good_values`), and so is a range of end times; where
none is stated, half and twice the default are tried besides it. What a docstring says in other
words than of one parameter stands below. Every run has two minutes.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

from pinn.benchmark import Case, Study, Trained
from pinn.benchmark.good_values import good_values
from pinn.benchmark.report import Convergence
from pinn.problem.catalogue import catalogue
from pinn.problem.registry import factory

LASTING = ("end", "periods", "turns")

# Good values that are of several parameters at once, or of vectors.
TOGETHER: dict[str, tuple[dict[str, Any], ...]] = {
    "charged_particle": ({"electric": 1.1},),  # about the speed times B
    "double_pendulum": ({"angles": (0.3, 0.3)}, {"angles": (1.0, 1.0)}),
    "gas_piston": ({"hot": 3.2, "cold": 0.8},),
    "helmholtz": ({"first": 3, "second": 8},),
    "lotka_volterra": ({"prey": 3.0, "predators": 3.0}, {"prey": 0.34, "predators": 0.34}),
    "point_vortices": ({"circulations": (1.0, 1.0, 1.0)}, {"circulations": (2.0, 1.0, -1.0)}),
    "poisson": ({"scales": (1,)}, {"scales": (4, 8, 12, 16)}),
    "rigid_body": ({"spin": (0.0, 1.0)}, {"spin": (math.sqrt(3.0 * 0.999), 1.0)}),  # k² 0, 0.999
    "shallow_water": ({"steepness": 0.2},),
    "sine_gordon": ({"kind": "kink", "speed": -0.8}, {"kind": "kink", "speed": 0.8}),
    "two_body": ({"masses": (1.0, 0.01)},),
}

# What the value of a parameter asks of others.
BESIDE: dict[tuple[str, str, float], dict[str, Any]] = {
    ("damped_oscillator", "gamma", 5.0): {"end": 1.0},  # γ · end up to 5
}

# End times where half and twice the default do not say enough.
TIMES: dict[str, tuple[float, ...]] = {
    "struck_oscillator": (12.0, 20.0, 40.0),  # the pulse, from 10 to 11, ends before
    "wave": (1.0, 4.0, 16.0),  # at whole periods the string is at rest
}


def problems() -> tuple[str, ...]:
    """Return the names of the problems that ship with the library and leave nothing unknown."""
    return tuple(sorted(name for name, entry in catalogue().items() if not entry.inverse))


def times(name: str) -> tuple[str, tuple[float, ...]] | None:
    """Return the parameter that says how long, and three values; None where there is none."""
    usual = {n: p.default for n, p in inspect.signature(factory(name).function).parameters.items()}
    word = next((word for word in LASTING if word in usual), None)
    if word is None:
        return None
    if name in TIMES:
        return word, TIMES[name]
    match good_values(factory(name).function).get(word):
        case (low, high):
            return word, (low, 0.5 * (low + high), high)
        case (high,):
            return word, (0.25 * high, 0.5 * high, high)
        case _:
            return word, (0.5 * usual[word], usual[word], 2.0 * usual[word])


def settings(name: str) -> list[dict[str, Any]]:
    """Return the parameters of every run of a problem, each once."""
    ranges = good_values(factory(name).function)
    lasting = times(name)
    swept = [] if lasting is None else [{lasting[0]: value} for value in lasting[1]]
    for parameter, values in ranges.items():
        if lasting is None or parameter != lasting[0]:
            swept += [{parameter: v, **BESIDE.get((name, parameter, v), {})} for v in values]
    return [*swept, *TOGETHER.get(name, ())]


def told(parameters: Mapping[str, Any]) -> str:
    """Return parameters in words, as a table shows them."""
    number = lambda v: f"{v:.4g}" if isinstance(v, float) else str(v)  # noqa: E731
    return ", ".join(
        f"{name} = {'(' + ', '.join(map(number, v)) + ')' if isinstance(v, tuple) else number(v)}"
        for name, v in parameters.items()
    )


STUDY = Study(
    title="Does every problem converge over the values that its docstring calls good?",
    cases=tuple(
        Case(name, parameters, told(parameters))
        for name in problems()
        for parameters in settings(name)
    ),
    methods=(Trained(),),
    limit=120.0,
    tables=(Convergence(),),
)
