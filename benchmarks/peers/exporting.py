"""A problem of the registry as files that an adapter reads without `pinn`."""

import inspect
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pinn.errors import ProblemError
from pinn.measure import sample_points
from pinn.problem.problem import Problem
from pinn.problem.registry import factory

from .interpolation import Layout
from .statements import STATEMENTS, Statement

Parameters = Mapping[str, Any]


def statement_of(name: str) -> Statement:
    """Return the plain statement of a problem.

    Raises:
        ProblemError: the peers have none.
    """
    if name not in STATEMENTS:
        raise ProblemError(
            f"The peers have no statement of {name!r}, only of {', '.join(STATEMENTS)}."
        )
    return STATEMENTS[name]


def constants_of(name: str, parameters: Parameters) -> dict[str, float]:
    """Return every parameter of a registered problem that is a number, defaults included."""
    signature = inspect.signature(factory(name).function)
    defaults = {n: p.default for n, p in signature.parameters.items()}
    return {n: float(v) for n, v in {**defaults, **parameters}.items()}


def test_grid(problem: Problem) -> np.ndarray:
    """Return the points (N, d) that `pinn.compare` judges at, the last coordinate fastest."""
    lines = np.broadcast_arrays(*sample_points(problem, None))
    return np.stack([line.ravel() for line in lines], axis=-1)


def export(
    folder: Path,
    problem: Problem,
    parameters: Parameters,
    seconds: float,
    seed: int,
    initial: str = "hard",
) -> None:
    """Write the points to answer at, and the order, which notes the time of the launch."""
    name = problem.name
    axes = [problem.axes[c] for c in statement_of(name).coordinates]
    np.savez(folder / "points.npz", grid=test_grid(problem), ledger=Layout.of(problem).points)
    order = {
        "problem": name,
        "constants": constants_of(name, parameters),
        "lower": [axis.lower for axis in axes],
        "upper": [axis.upper for axis in axes],
        "seconds": seconds,
        "seed": seed,
        "initial": initial,
        "launched": time.time(),
    }
    (folder / "order.json").write_text(json.dumps(order))
