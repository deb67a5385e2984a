"""Combinations of candidates as formulas: their scale, round numbers, and digits that are known."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from pinn.jets import Jet
from pinn.learning.discovery_library import Density
from pinn.learning.discovery_search import Search

# How well a number must be known to be taken for a round one, by what it is a multiple of.
ROUND = ((1, 1e-5), (12, 1e-6), (1000, 1e-8))
WHOLE = 0.1
LARGE = 0.25
SURE = 4.0  # standard errors
DIGITS = 1e-9
SHOWN = 6


def terms_of(
    names: Sequence[str], search: Search, weights: np.ndarray
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the coefficients of a combination and their standard errors.

    The scale is the one that makes most coefficients whole within their errors, else the least of
    those of large terms one; numbers within their error of a round one are rounded where that
    cannot be by chance.
    """
    support = np.flatnonzero(weights)
    scale = search.rows.scale[support]
    raw = weights[support] / scale
    best: Any = None
    for place, fixed in enumerate(support):
        relative = search.standard_errors(weights, int(fixed))[support] / scale
        values, errors = raw / raw[place], relative / abs(raw[place])
        rounded = [_rounded(v, e) for v, e in zip(values, errors, strict=True)]
        whole = sum(map(_whole, values, errors))
        large = abs(weights[fixed]) > LARGE * np.max(np.abs(weights))
        key = (whole, sum(r is not None for r in rounded), large, -abs(raw[place]))
        if best is None or key > best[0]:
            chosen = [v if r is None else r for v, r in zip(values, rounded, strict=True)]
            best = (key, chosen, errors)
    _, values, errors = best
    sizes = np.abs(values).round(SHOWN)  # those of a common factor first, fractions of it last
    order = sorted(range(len(support)), key=lambda i: (sizes[i] < 1.0, sizes[i]))
    sign = math.copysign(1.0, values[order[0]])
    found = [names[support[i]] for i in order]
    return (
        {n: float(sign * values[i]) for n, i in zip(found, order, strict=True)},
        {n: float(errors[i]) for n, i in zip(found, order, strict=True)},
    )


def _whole(value: float, error: float) -> bool:
    near = max(SURE * error, DIGITS * abs(value))
    return near < WHOLE and abs(value - round(value)) <= near


def _rounded(value: float, error: float) -> float | None:
    """Return the round number that a value is within its error; None if it is none."""
    near = max(SURE * error, DIGITS * abs(value))
    for denominator, known in ROUND:
        exact = Fraction(value).limit_denominator(denominator)
        if near <= known and abs(float(exact) - value) <= near and exact:
            return float(exact)
    return None


def formula(terms: Mapping[str, float], errors: Mapping[str, float]) -> str:
    """Return a combination as text, each coefficient with the digits that its error leaves."""
    text = ""
    for name, value in terms.items():
        sign = (" − " if value < 0.0 else " + ") if text else ("−" if value < 0.0 else "")
        number = _number(abs(value), errors[name])
        shown = f"({name})" if number != "1" and any(c in name for c in "/+- −") else name
        text += sign + (name if number == "1" else f"{number} {shown}")
    return text


def _number(value: float, error: float) -> str:
    places = SHOWN - 1 - math.floor(math.log10(value))
    if error > 0.0:
        places = min(places, max(-math.floor(math.log10(error)), 0))
    text = f"{value:.{max(places, 0)}f}"
    exact = error <= DIGITS * value or float(text) == value
    return text.rstrip("0").rstrip(".") if "." in text and exact else text


def density(terms: Mapping[str, float], densities: Mapping[str, Density]) -> Density:
    """Return a combination as a function of the jet."""
    parts = [(value, densities[name]) for name, value in terms.items()]

    def combination(jet: Jet) -> Any:
        return sum(value * part(jet) for value, part in parts)

    return combination
