"""A user's own module as the network: mechanics and fields, saved and loaded, or refused."""

import sys
from functools import partial
from pathlib import Path

import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn

sys.path.insert(0, str(Path(__file__).parent))
import own_networks

TIMES = np.linspace(0.0, 1.0, 9)
BRIEF = {"windows": pinn.Uniform(1), "points": 12, "steps": 8}


@pytest.fixture(scope="module")
def swing() -> pinn.Solution:
    """A pendulum by residual blocks, with what is chosen for networks of one's own."""
    recipe = pinn.Recipe(network=pinn.Module(own_networks.build))
    return pinn.solve(pinn.get("pendulum", end=1.0), recipe=recipe, progress=False)


def heat() -> pinn.Problem:
    """Heat between plates, u = exp(−π²t) sin πx."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.05), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx,
        initial={"u": lambda x: jnp.sin(jnp.pi * x)},
        boundary=[pinn.Dirichlet("u", "x")],
        exact=lambda t, x: {"u": jnp.exp(-(jnp.pi**2) * t) * jnp.sin(jnp.pi * x)},
    )


def zero_last(outputs, rngs):
    return nnx.Linear(9, outputs, kernel_init=nnx.initializers.zeros, rngs=rngs)


def small(build, **choices) -> pinn.Solution:
    recipe = pinn.Recipe(network=pinn.Module(build), **{**BRIEF, **choices})
    return pinn.solve(pinn.get("pendulum", end=0.5), recipe=recipe, progress=False)


def test_residual_blocks_solve_the_pendulum(swing):
    assert swing.converged
    error = pinn.compare(swing, pinn.reference(swing.problem)).error["theta"]
    assert 1e-14 < error < 1e-8
    assert {leaf.dtype for leaf in jax.tree.leaves(swing.model.parameters)} == {np.dtype("float64")}


def test_initial_data_hold_exactly(swing):
    at, stated = swing.jet(0.0, entries=("theta", "theta_t")), swing.problem.initial_state
    for name in ("theta", "theta_t"):
        assert float(at[name]) == float(stated[name])


def test_it_is_saved_by_its_path_and_loaded_if_trusted(swing, tmp_path):
    swing.save(tmp_path / "run")
    with pytest.raises(pinn.CheckpointError, match=r"'own_networks:build'.*trust=True"):
        pinn.load(tmp_path / "run")
    loaded = pinn.load(tmp_path / "run", trust=True)
    assert loaded.recipe == swing.recipe
    np.testing.assert_array_equal(loaded(TIMES)["theta"], swing(TIMES)["theta"])


def test_a_field_between_plates_by_layers_of_random_frequencies():
    """The frequencies are no nnx.Param: they stay as they were built. Boundary values are exact."""
    network = pinn.Module(own_networks.Fourier, harmonics=1)
    recipe = pinn.Recipe(network=network, windows=pinn.Uniform(1), points=320, steps=40)
    solution = pinn.solve(heat(), recipe=recipe, progress=False)
    x = np.linspace(0.0, 1.0, 21)
    truth = np.exp(-(np.pi**2) * 0.05) * np.sin(np.pi * x)
    assert np.max(np.abs(np.asarray(solution(0.05, x)["u"]) - truth)) < 1e-5
    np.testing.assert_allclose(solution(TIMES / 20.0, 1.0)["u"], 0.0, atol=1e-13)
    frequencies = solution.model.parameters["module"]["frequencies"][...]
    assert frequencies.dtype == np.dtype("float64")
    built = own_networks.Fourier(frequencies.shape[1], 1, rngs=nnx.Rngs(0)).frequencies[...]
    for window in np.asarray(frequencies):
        np.testing.assert_array_equal(window, np.asarray(built, float))


@pytest.mark.parametrize(
    "build",
    [
        own_networks.Residual,
        own_networks.Wider(6),
        lambda n, m, r: nnx.Sequential(nnx.Linear(n, 9, rngs=r), jnp.tanh, zero_last(m, r)),
    ],
    ids=["class", "dataclass", "lambda"],
)
def test_whatever_builds_a_module_may_be_given(build):
    assert np.isfinite(small(build)(0.3)["theta"])


def test_what_cannot_be_found_again_is_solved_but_not_saved(tmp_path):
    solution = small(lambda n, m, rngs: own_networks.Residual(n, m, rngs=rngs))
    with pytest.raises(pinn.CheckpointError, match=r"lambda.*could not find again: define it at"):
        solution.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


FAULTS = {
    "shape": r"makes of one point.*\(2,\), expected an array of shape \(1,\)",
    "precision": r"computes in float32, where the recipe has float64: leave dtype= out",
    "random": r"keeps 'dropout.rngs.*dropout",
    "changing": r"changes its own state when it is called",
    "raises": r"cannot be called with one point.*own_networks.py",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_network_is_refused_in_one_sentence(fault):
    build = partial(own_networks.Careless, fault=fault)
    with pytest.raises(pinn.RecipeError, match=FAULTS[fault]):
        small(build)


@pytest.mark.parametrize(
    "build, said",
    [
        (lambda n, m: None, "could not build"),
        (lambda n, m, rngs: None, "returned NoneType, expected a flax.nnx module"),
    ],
)
def test_what_builds_no_module_is_refused(build, said):
    with pytest.raises(pinn.RecipeError, match=said):
        small(build)


def test_what_is_no_function_is_refused_at_once():
    with pytest.raises(pinn.RecipeError, match=r"takes a function build\(inputs, outputs, rngs\)"):
        pinn.Module(3)
    with pytest.raises(pinn.RecipeError, match="harmonics ≥ 1"):
        pinn.Module(own_networks.build, harmonics=0)


def test_it_starts_at_what_a_window_starts_from():
    """The last linear layer is found whatever it is called, and starts at zero; no other does."""
    fresh = lambda build: pinn.Module(build).fresh({}, {}, True, 2, np.float64, 0)  # noqa: E731
    point = jnp.asarray([0.3])
    model = fresh(own_networks.Residual)
    np.testing.assert_array_equal(model(point), 0.0)
    assert float(jnp.max(jnp.abs(model.module.blocks[0].kernel[...]))) > 0.1

    class Bent(nnx.Module):
        def __init__(self, inputs, outputs, rngs):
            self.only = nnx.Linear(inputs, outputs, rngs=rngs)

        def __call__(self, x):
            return jnp.tanh(self.only(x))

    assert float(jnp.max(jnp.abs(fresh(Bent)(point)))) > 1e-3


@pytest.mark.long
def test_residual_blocks_solve_burgers_equation():
    problem = pinn.get("burgers")
    network = pinn.Module(partial(own_networks.Residual, width=16))
    windows = pinn.Uniform(20, tolerance=1e-8)
    recipe = pinn.Recipe(network=network, windows=windows, steps=100)
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    assert pinn.compare(solution, pinn.reference(problem)).error["u"] < 1e-4


def test_a_module_without_parameters_is_refused():
    class Fixed(nnx.Module):
        def __call__(self, x):
            return jnp.sin(x[:1])

    recipe = pinn.Recipe(network=pinn.Module(lambda inputs, outputs, rngs: Fixed()))
    with pytest.raises(pinn.RecipeError, match="no parameters"):
        pinn.solve(pinn.get("harmonic_oscillator"), recipe=recipe, progress=False)
