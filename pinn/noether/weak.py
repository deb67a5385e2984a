"""Laws whose flux is not known: whether their terms are a divergence, tested on functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, JetFunction
from pinn.noether.functions import RandomFunctions, stationarity
from pinn.noether.reach import Reach
from pinn.noether.rounding import Defect, defect_of_integrals
from pinn.problem.problem import Problem


@dataclass(frozen=True)
class Weak:
    """What must be a divergence along some axes: the terms of a law, stacked, and its density.

    Args:
        terms: whose sum is a divergence where the law holds.
        axes: along which.
        density: what must not be a divergence; None where there is no density.
    """

    terms: JetFunction
    axes: tuple[str, ...]
    density: JetFunction | None


@dataclass(frozen=True, eq=False)
class WeakTests:
    """The weak tests of several laws along the same axes, integrated together.

    Args:
        axes: along which.
        whole: all their terms and densities, as one vector.
        parts: by charge, the shape of its terms, and that of the density that follows, if one does.
        integrate: from functions to what their variations come to.
    """

    axes: tuple[str, ...]
    whole: JetFunction
    parts: Mapping[str, tuple[tuple[int, ...], tuple[int, ...] | None]]
    integrate: Callable[[RandomFunctions], tuple[np.ndarray, np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, problem: Problem, weak: Mapping[str, Weak], axes: tuple[str, ...]) -> "WeakTests":
        """Return the tests of the laws along some axes."""
        chosen = {n: w for n, w in weak.items() if w.axes == axes}
        pieces = [f for w in chosen.values() for f in (w.terms, w.density) if f is not None]

        def expression(jet: Jet) -> Array:
            return jnp.concatenate([jnp.ravel(piece(jet)) for piece in pieces])

        whole = JetFunction(problem.space, expression, "laws")
        shapes = {
            n: (w.terms.shape, None if w.density is None else w.density.shape)
            for n, w in chosen.items()
        }
        return cls(axes, whole, shapes, stationarity(whole))

    @classmethod
    def every(cls, problem: Problem, weak: Mapping[str, Weak]) -> tuple["WeakTests", ...]:
        """Return the tests of all laws, one for each set of axes."""
        return tuple(cls.of(problem, weak, a) for a in dict.fromkeys(w.axes for w in weak.values()))

    def on(
        self, problem: Problem, reach: Reach, seed: int = 0
    ) -> dict[str, tuple[Defect, Defect | None]]:
        """Return how far each charge's law and density are from a divergence."""
        functions = RandomFunctions.draw(problem, reach, self.whole, self.axes, seed)
        columns, found, start = self.integrate(functions), {}, 0

        def cut(shape: tuple[int, ...]) -> list[np.ndarray]:
            nonlocal start
            begin, start = start, start + int(np.prod(shape))
            return [c[:, begin:start].reshape(-1, *shape) for c in columns]

        for name, (terms, density) in self.parts.items():
            total, size, doubt = cut(terms)
            law = defect_of_integrals(total.sum(1), size.sum(1), np.abs(doubt).sum(1))
            alone = None if density is None else defect_of_integrals(*cut(density))
            found[name] = law, alone
        return found
