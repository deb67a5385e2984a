"""What tests of training share."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn


@pytest.fixture
def error_of() -> Callable[[pinn.Solution], float]:
    """The relative L2 error of the field u against its closed form, on a grid of the whole box."""

    def measure(solution: pinn.Solution, count: int = 41) -> float:
        lines = [np.linspace(a.lower, a.upper, count) for a in solution.problem.axes.values()]
        mesh = np.meshgrid(*lines, indexing="ij")
        exact = jax.vmap(solution.problem.exact)(*(jnp.asarray(m.ravel()) for m in mesh))["u"]
        gap = np.asarray(solution(*mesh)["u"]).ravel() - exact
        return float(np.linalg.norm(gap) / np.linalg.norm(exact))

    return measure
