"""Coarse weights are the nearest there are, and exact laws hold to the working precision."""

from dataclasses import replace
from itertools import product

import jax
import numpy as np
import pytest

import pinn
from pinn import learning
from pinn.learning import LearningError
from pinn.learning.quantisation import to_bfloat16, to_int8, to_ternary

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def swing():
    """A pendulum in one window, so that its weights hold nearly all of the motion."""
    recipe = pinn.Recipe(network=pinn.Network(width=12), windows=pinn.Uniform(1), steps=40)
    problem = pinn.get("pendulum", end=2.0)
    return pinn.solve(problem, recipe=recipe, progress=False)


@pytest.mark.parametrize("size", [1, 2, 5, 7])
def test_ternary_weights_are_the_nearest_of_all(size):
    for _ in range(10):
        column = RANDOM.normal(size=size)
        found = to_ternary(column.reshape(1, size, 1)).ravel()
        least = np.inf
        for signs in product((-1.0, 0.0, 1.0), repeat=size):
            signs = np.array(signs)
            square = signs @ signs
            scale = column @ signs / square if square else 0.0
            least = min(least, np.sum((column - scale * signs) ** 2))
        np.testing.assert_allclose(np.sum((column - found) ** 2), least, atol=1e-14)
        assert len(np.unique(np.abs(found[found != 0.0]))) <= 1


def test_each_output_and_each_window_has_a_scale_of_its_own():
    weights = RANDOM.normal(size=(2, 9, 3)) * np.array([1.0, 1e3, 1e-3])
    for rounding in (to_ternary, to_int8):
        alone = np.stack(
            [
                [rounding(weights[w][None, :, o][..., None])[0, :, 0] for o in range(3)]
                for w in range(2)
            ]
        )
        np.testing.assert_allclose(rounding(weights), np.swapaxes(alone, 1, 2), rtol=1e-15)


def test_eight_bits_miss_by_half_a_unit_at_most_and_bfloat16_by_its_own():
    weights = RANDOM.normal(size=(1, 50, 2))
    unit = np.max(np.abs(weights), axis=1, keepdims=True) / 127.0
    gap = np.abs(to_int8(weights) - weights) / unit
    assert 0.4 < np.max(gap) <= 0.5 + 1e-12
    assert len(np.unique(to_int8(weights)[0, :, 0])) <= 255
    relative = np.abs(to_bfloat16(weights) / weights - 1.0)
    assert 2.0**-10 < np.max(relative) <= 2.0**-8
    for rounding in (to_int8, to_ternary):
        assert not np.any(rounding(np.zeros((1, 4, 2))))
        np.testing.assert_allclose(rounding(np.array([3.0, -2.0])), [3.0, -2.0], rtol=1e-15)


@pytest.mark.parametrize("weights", ["bfloat16", "int8", "ternary"])
def test_exact_laws_hold_to_the_working_precision_and_others_do_not(swing, weights):
    plain, exact = learning.quantisation(swing, formats=(weights,), samples=65)
    assert (plain.exact, exact.exact) == (False, True)
    assert exact.precision == np.finfo(np.float32).eps
    assert max(exact.drift.values()) < 16.0 * exact.precision
    assert max(plain.drift.values()) > 100.0 * plain.precision
    assert 1e-6 < max(exact.error.values()) < 0.5


def test_double_precision_changes_nothing(swing):
    t = np.linspace(0.0, 2.0, 17)
    same = learning.quantised(swing, "float64")
    np.testing.assert_array_equal(same(t)["theta"], swing(t)["theta"])
    assert same.residual == pytest.approx(swing.residual, rel=1e-6)


def test_a_coarse_solver_holds_coarse_numbers_only(swing):
    coarse = learning.quantised(swing, "ternary")
    for leaf in jax.tree.leaves(coarse.model.parameters):
        assert leaf.dtype == np.float32
        sizes = np.abs(np.asarray(leaf).reshape(leaf.shape[0], -1, leaf.shape[-1]))
        if leaf.ndim == 3:
            for column in np.moveaxis(sizes, -1, 0).reshape(-1, sizes.shape[1]):
                assert len(np.unique(column[column > 0.0])) <= 1
    values = coarse(np.linspace(0.0, 2.0, 5))["theta"]
    assert values.dtype == np.float32


def test_unknown_formats_are_refused(swing):
    with pytest.raises(LearningError, match="did you mean 'ternary'"):
        learning.quantised(swing, "ternery")
    single = replace(swing, recipe=replace(swing.recipe, precision="float32"))
    with pytest.raises(LearningError, match="was trained in float32"):
        learning.quantised(single, "float64")
