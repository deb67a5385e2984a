"""Values for the unknowns of a problem that are as good as any to try its laws with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from pinn.problem.unknowns import Unknown

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

# How far random values are from a guess, relative to it.
SPREAD = 0.2


def somewhere(problem: "Problem", seed: int) -> "Problem":
    """Return a problem with random values near the guesses of its unknowns."""
    return problem.at(**values_near(problem, seed))


def values_near(problem: "Problem", seed: int) -> dict[str, Any]:
    """Return random values near the guesses of a problem's unknowns.

    A law that holds for them holds for all. Functions are random waves about their guesses, for
    too much holds for constants.
    """
    draw = np.random.default_rng(seed)
    begin = {problem.closed_space.canonical(n): v for n, v in problem.initial.items()}
    values: dict[str, Any] = {}
    for name in problem.unknown_names:
        if name in problem.functions:
            function = problem.functions[name]
            outputs = () if function.outputs == 1 else (function.outputs,)
            values[name] = _wave(draw, (1.0,) * function.inputs, outputs, function.guess)
        elif name in problem.coefficients:
            field = problem.coefficients[name]
            lengths = tuple(problem.axes[c].length / (2.0 * np.pi) for c in field.over)
            values[name] = _wave(draw, lengths, (), field.guess, field.lower)
        else:
            constant = problem.unknowns.get(name)
            shape = problem.closed_space.shape(name) if constant is None else constant.start.shape
            values[name] = _near(constant or begin[name], shape, draw)
    return values


def _near(unknown: Unknown, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Return random numbers near a guess, inside the bounds."""
    (low, high), start = unknown.bounds, np.broadcast_to(unknown.start, shape)
    room = np.minimum(np.maximum(np.abs(start), 0.1), np.minimum(start - low, high - start))
    return start + SPREAD * room * draw.uniform(-1.0, 1.0, shape)


def _wave(
    draw: np.random.Generator,
    lengths: tuple[float, ...],
    shape: tuple[int, ...],
    guess: float | None,
    lower: float | None = None,
) -> Callable[..., Any]:
    """Return a random smooth function about a guess: over lengths, and above a lower bound."""
    middle = guess if guess is not None else 1.0 + (lower or 0.0)
    size = SPREAD * (max(abs(middle), 1.0) if lower is None else middle - lower)
    phases = draw.uniform(0.0, 2.0 * np.pi, (len(lengths), *shape))

    def wave(*point: Any) -> Any:
        waves = [jnp.cos(x / a + phase) for x, a, phase in zip(point, lengths, phases, strict=True)]
        return middle + size * sum(waves[1:], waves[0]) / len(waves)

    return wave
