"""Spectra of training, against the sums and limits that they must have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import qmc

import pinn
from pinn import learning
from pinn.learning.spectra import eigenvalues, retrained
from pinn.learning.windows import opened


@pytest.fixture(scope="module")
def solution():
    problem = pinn.get("harmonic_oscillator", end=1.5)
    windows = pinn.Uniform(1, tolerance=1e-6)
    recipe = pinn.Recipe(network=pinn.Network(width=5), windows=windows, points=16)
    return pinn.solve(problem, recipe=recipe, progress=False)


@pytest.fixture(scope="module")
def found(solution):
    return learning.spectrum(solution)


def test_blocks_add_up_to_the_whole(found):
    assert set(found.blocks) == {"equation", "energy", "phase"}
    assert found.rows["equation"] == 16
    for shot in found.snapshots:
        parts = sum(shot.eigenvalues[block].sum() for block in found.blocks)
        assert parts == pytest.approx(shot.eigenvalues["all"].sum(), rel=1e-12)
        assert np.all(np.diff(shot.eigenvalues["all"]) <= 0.0)
        assert 0.0 <= shot.share.sum() <= 1.0 + 1e-12


def test_they_are_those_of_the_rows_differentiated_directly(solution, found):
    window = next(opened(solution))
    slopes = np.asarray(jax.jacrev(window.objective().rows)(window.trained))
    kernel = np.linalg.eigvalsh(slopes @ slopes.T)[::-1]
    last = found.snapshots[-1].eigenvalues["all"]
    np.testing.assert_allclose(last, kernel[: last.size], atol=1e-9 * kernel[0])
    np.testing.assert_allclose(eigenvalues(slopes), eigenvalues(slopes.T), rtol=1e-6, atol=1e-12)


def test_training_again_takes_the_same_path(solution, found):
    window = next(opened(solution))
    path = retrained(window)
    np.testing.assert_allclose(path[-1], window.trained, atol=1e-9)
    assert found.snapshots[0].step == 0
    assert found.snapshots[-1].step == len(path) - 1
    assert found.snapshots[-1].loss < 1e-6 * found.snapshots[0].loss
    assert found.components.sum() == pytest.approx(1.0)


def test_one_plot_shows_it(found):
    axes = found.plot().axes
    assert axes[0].get_title() == "tangent kernel by block"
    assert len(axes[0].lines) == 2 * (len(found.blocks) + 1)
    assert "equation" in found.table()


def test_a_window_that_is_not_there(solution):
    with pytest.raises(learning.LearningError, match="has 1 windows, got window=3"):
        learning.spectrum(solution, window=3)


POINTS = np.linspace(-1.0, 1.0, 7)[:, None]


def test_the_infinite_kernel_is_a_mean_over_random_units():
    """By quasi-random numbers, which know nothing of the closed form."""
    units = qmc.MultivariateNormalQMC(np.zeros(2), rng=np.random.default_rng(0)).random(2**14)
    inner = units @ np.concatenate([POINTS, np.ones_like(POINTS)], 1).T
    values = np.asarray(jax.scipy.special.erf(jnp.asarray(inner)))
    slopes = 2.0 / np.sqrt(np.pi) * np.exp(-(inner**2))
    mean = values.T @ values / len(units)
    mean += (POINTS @ POINTS.T + 1.0) * (slopes.T @ slopes) / len(units)
    np.testing.assert_allclose(learning.infinite_kernel(POINTS), mean, atol=2e-3)


def test_networks_tend_to_the_infinite_one():
    targets = np.sin(2.0 * POINTS[:, 0])
    sweep = learning.width_sweep(POINTS, targets, (64, 256, 1024), seeds=24, steps=40)
    assert 0.3 < sweep.rate < 0.7
    assert np.all(np.diff(sweep.gap.mean(1)) < 0.0)
    assert sweep.gap[-1].mean() < 0.05
    assert sweep.losses[-1, -1] < 0.1 * sweep.losses[-1, 0]
    with pytest.raises(learning.LearningError, match="as many targets"):
        learning.width_sweep(POINTS, targets[:3])


def test_a_linear_model_trains_exactly_as_its_kernel_predicts():
    """Only the last layer moves, so that the kernel stays: (1 − ηΘ)^k r₀ to round-off."""
    features = np.cos(POINTS * np.arange(4.0)[None])
    kernel, residual, rate = features @ features.T, np.sin(POINTS[:, 0]), 0.05
    weights, losses = np.zeros(4), []
    for _ in range(11):
        miss = residual + features @ weights
        losses.append(0.5 * miss @ miss)
        weights = weights - rate * features.T @ miss
    np.testing.assert_allclose(learning.predicted_curve(kernel, residual, rate, 10), losses)


def test_the_tangent_kernel_of_any_model():
    model = learning.Wide(1, 50)
    kernel = learning.tangent_kernel(model, POINTS)
    assert kernel.shape == (7, 7)
    w, a = np.asarray(model.first[...]), np.asarray(model.last[...])
    x = np.concatenate([POINTS, np.ones_like(POINTS)], 1)
    hidden = np.asarray(jax.scipy.special.erf(jnp.asarray(x @ w)))
    slopes = a[None] * 2.0 / np.sqrt(np.pi) * np.exp(-((x @ w) ** 2))
    direct = (hidden @ hidden.T + (x @ x.T) * (slopes @ slopes.T)) / 50
    np.testing.assert_allclose(kernel, direct, rtol=1e-12)
