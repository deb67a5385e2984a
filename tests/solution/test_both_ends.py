"""A solution between two ends is saved and loaded like any other, and says where it is not one."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.networks.marching import MarchingState


@pytest.fixture(scope="module")
def cycle():
    return pinn.solve(pinn.get("limit_cycle"), progress=False)


def test_it_is_saved_and_loaded(cycle, tmp_path):
    cycle.save(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run")
    times = np.linspace(0.0, float(cycle.unknowns["period"]), 9)
    first = jax.jit(jax.vmap(lambda t: loaded(t)["x"]))(jnp.asarray(times))
    assert np.allclose(first, cycle(times)["x"], rtol=0.0, atol=1e-13)
    assert loaded.unknowns["period"] == cycle.unknowns["period"]
    assert loaded.problem.interval.upper == cycle.problem.interval.upper
    assert loaded.converged


def moved(solution, change):
    """Return a solution whose windows start elsewhere than the ones before them end."""
    windows = solution.model.windows
    taylor = {name: change(values) for name, values in windows.taylor.items()}
    model = MarchingState(replace(windows, taylor=taylor), solution.model.parameters)
    return replace(solution, model=model)


def test_windows_that_do_not_join_are_seen(cycle):
    broken = moved(cycle, lambda values: values.at[5, 0].add(1e-4))
    assert not broken.converged and "joint of windows" in broken.unseen.what


def test_an_orbit_that_does_not_close_is_seen(cycle):
    broken = moved(cycle, lambda values: values.at[0, 0].add(1e-4))
    assert not broken.converged
    assert "closing" in broken.unseen.what or "joint" in broken.unseen.what
