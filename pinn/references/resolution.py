"""How many points each axis needs before a first look sees everything that the data vary on."""

import numpy as np

from pinn.problem.axes import Axis
from pinn.problem.problem import Problem
from pinn.problem.scan import Variation, scan

# A piece between knots is a polynomial of degree seven, which two places see.
SEES = 2.0
GRADED = 16.0


def least_counts(problem: Problem) -> list[int]:
    """Return by space axis the even places of which two lie in the narrowest piece."""
    variations = scan(problem)
    return [_least(axis, variations[name]) for name, axis in problem.extent.items()]


def _least(axis: Axis, variation: Variation) -> int:
    """Pieces that shrink towards a jump are no features: no number of places resolves them."""
    knots = variation.knots
    lengths, middles = np.diff(knots), 0.5 * (knots[1:] + knots[:-1])
    breaks = [*variation.jumps, *getattr(axis, "breakpoints", ())]
    for jump in breaks:
        lengths = np.where(np.abs(middles - jump) < GRADED * lengths, np.inf, lengths)
    narrowest = float(np.min(lengths, initial=axis.length))
    return int(np.ceil(SEES * axis.length / narrowest))
