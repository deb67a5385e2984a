"""Candidate densities: named functions of the jet whose combinations may be conserved."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations_with_replacement, product
from operator import mul
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import near_matches
from pinn.jets import Jet, JetFunction, JetSpace
from pinn.learning.errors import LearningError
from pinn.precision import arithmetic

Density = Callable[[Jet], Any]
Candidates = Mapping[str, Density] | Sequence[Density]
LARGEST = 200
_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def monomials(
    entries: Mapping[str, tuple[int, ...]], degree: int = 2, angles: Sequence[str] = ()
) -> dict[str, Density]:
    """Return all products of components of the jet up to a degree, by name, simplest first.

    An angle enters by its cosine and sine only, each of degree one: on a circle the angle itself is
    no function.

    Args:
        entries: the shape of each entry of the jet, as `{"q": (2,), "q_t": (2,)}`.
        degree: the highest total degree; the constant is left out.
        angles: entries that are angles.

    Raises:
        LearningError: the degree is not positive, an angle is not an entry, or there are too many.
    """
    for name in angles:
        if name not in entries:
            raise LearningError(
                f"angles= names {name!r}, which is not an entry of the state; those are "
                f"{', '.join(entries)}{near_matches(name, entries)}."
            )
    if not isinstance(degree, int) or degree < 1:
        raise LearningError(f"degree= is a positive whole number, got {degree!r}.")
    factors: dict[str, Density] = {}
    for name, shape in entries.items():
        for index in product(*map(range, shape)):
            factors |= _factors(name, index, name in angles)
    count = math.comb(len(factors) + degree, degree) - 1
    if count > LARGEST:
        raise LearningError(
            f"There are {count} products of {len(factors)} components up to degree {degree}, more "
            f"than {LARGEST}: lower degree=, or give candidates=."
        )
    found: dict[str, Density] = {}
    for order in range(1, degree + 1):
        for chosen in combinations_with_replacement(factors, order):
            powers = Counter(chosen)
            found["·".join(_power(n, k) for n, k in powers.items())] = _product(factors, powers)
    return found


def _factors(name: str, index: tuple[int, ...], angle: bool) -> dict[str, Density]:
    text = f"{name}[{','.join(map(str, index))}]" if index else name
    component = lambda j: j[name][index]  # noqa: E731
    if not angle:
        return {text: component}
    return {
        f"cos({text})": lambda j: jnp.cos(component(j)),
        f"sin({text})": lambda j: jnp.sin(component(j)),
    }


def _power(name: str, exponent: int) -> str:
    return name if exponent == 1 else f"{name}{str(exponent).translate(_POWERS)}"


def _product(factors: Mapping[str, Density], powers: Mapping[str, int]) -> Density:
    parts = [(factors[n], k) for n, k in powers.items()]
    return lambda j: reduce(mul, (part(j) ** k for part, k in parts))


def named(candidates: Candidates) -> dict[str, Density]:
    """Return candidates by name, in the order given.

    Raises:
        LearningError: there are none, one is no function, or a function has no name of its own.
    """
    if isinstance(candidates, Mapping):
        found = dict(candidates)
    else:
        found = {getattr(f, "__name__", "<lambda>"): f for f in candidates}
        if "<lambda>" in found or len(found) < len(candidates):
            raise LearningError(
                "candidates= holds functions without names of their own: give a dictionary, as in "
                '{"cos(q)": lambda j: jnp.cos(j.q)}.'
            )
    if not found:
        raise LearningError("candidates= is empty: give functions of the jet by name.")
    for name, function in found.items():
        if not callable(function):
            raise LearningError(
                f"The candidate {name!r} is no function of the jet: write it as "
                "lambda j: jnp.cos(j.q)."
            )
    return found


@dataclass(frozen=True, eq=False)
class Library:
    """Candidate densities over one jet space, evaluated together.

    Args:
        space: of the jets that they are functions of.
        densities: as given, by name, simplest first.
    """

    space: JetSpace
    densities: Mapping[str, Density]

    @cached_property
    def functions(self) -> tuple[JetFunction, ...]:
        """The candidates, traced.

        Raises:
            LearningError: one does not return a number.
        """
        found = []
        with arithmetic("float64"):
            for name, density in self.densities.items():
                function = JetFunction(self.space, density, f"candidate {name!r}")
                shapes = [np.shape(leaf) for leaf in jax.tree.leaves(function.result)]
                if shapes != [()]:
                    raise LearningError(
                        f"The candidate {name!r} returns arrays of the shapes {shapes}, expected "
                        "one number: give each component a name of its own."
                    )
                found.append(function)
        return tuple(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates' names."""
        return tuple(self.densities)

    @property
    def needs(self) -> tuple[str, ...]:
        """The entries of the jet that any of them reads."""
        return tuple(sorted({n for f in self.functions for n in f.needs}))

    def evaluate(
        self, values: Mapping[str, np.ndarray]
    ) -> tuple[Float[np.ndarray, "points candidates"], dict[str, np.ndarray]]:
        """Return the candidates at points, and their derivatives with respect to each entry.

        Args:
            values: of each entry, points first.
        """
        with arithmetic("float64"):
            used = {n: jnp.asarray(values[n], float) for n in self.needs}
            moving = {n: v for n, v in used.items() if not self.space.is_coordinate(n)}
            fixed = {n: v for n, v in used.items() if n not in moving}
            found, slopes = self._program(moving, fixed)
        return np.asarray(found), {n: np.asarray(s) for n, s in slopes.items()}

    @cached_property
    def _program(self) -> Callable[..., tuple[Array, dict[str, Array]]]:
        def at(moving: dict[str, Array], fixed: dict[str, Array]) -> Array:
            jet = Jet(self.space, {**moving, **fixed})
            return jnp.stack([jnp.asarray(f(jet), float) for f in self.functions])

        return jax.jit(jax.vmap(lambda m, f: (at(m, f), jax.jacfwd(at)(m, f))))
