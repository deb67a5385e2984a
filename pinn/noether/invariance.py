"""Whether a generator leaves the action as it is, tested off shell on random jets."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, JetFunction
from pinn.noether.current import contract, defect_terms
from pinn.noether.generator import Generator
from pinn.noether.typical import random_solutions
from pinn.problem.problem import Problem

Sums = Callable[[Jet], tuple[Array, Array]]

SAMPLES = 16
SEED = 0
ROUND_OFF = 1e-12


def off_shell(lagrangian: JetFunction, generator: Generator) -> tuple[Sums, set[str]]:
    """Return Δ and Σ |terms of Δ| at a jet that need not obey the equation."""
    pairs = defect_terms(lagrangian, generator)

    def sums(jet: Jet) -> tuple[Array, Array]:
        factors = [(left(jet), right(jet)) for left, right in pairs]
        zero = jnp.zeros(generator.family)
        total = sum((contract(left, right) for left, right in factors), zero)
        size = sum((contract(jnp.abs(left), jnp.abs(right)) for left, right in factors), zero)
        return total, size

    return sums, {n for pair in pairs for factor in pair for n in factor.needs}


def is_symmetry(problem: Problem, lagrangian: JetFunction, generator: Generator) -> bool:
    """Tell whether the defect of a generator is round-off on every jet."""
    sums, entries = off_shell(lagrangian, generator)
    jets = random_solutions(problem, entries, SEED, SAMPLES)
    total, size = jax.tree.map(np.asarray, jax.jit(jax.vmap(sums))(jets))
    return bool(np.all(np.abs(total) <= ROUND_OFF * size))
