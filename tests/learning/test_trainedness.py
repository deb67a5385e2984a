"""The momentum of a network's inputs, by a shift of them and by the bias that takes it up."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pinn
from pinn import learning
from pinn.learning.trainedness import first_layer, momentum_in
from pinn.learning.windows import labelled, opened

RECIPE = {"network": pinn.Network(width=6), "windows": pinn.Uniform(2, tolerance=1e-3)}


@pinn.register
def swinging_weight() -> pinn.Problem:
    """A mass on a spring for half a period."""
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 2.0)},
        fields={"x": ()},
        residual=lambda j: j.x_tt + j.x,
        initial={"x": 1.0, "x_t": 0.0},
    )


@pytest.fixture(scope="module")
def solution():
    return pinn.solve(swinging_weight(), recipe=pinn.Recipe(**RECIPE), progress=False)


def test_a_trained_solution_has_no_momentum_left(solution):
    found = learning.trainedness(solution)
    assert found.momentum.shape == (2, 1)
    assert found.worst < 1e-2
    assert np.abs(found.balance).max() < 1e-15


def test_off_the_solution_it_has_and_the_bias_takes_it_up(solution):
    windows = list(opened(solution))
    measure = momentum_in(windows[0])
    for window in windows:
        momentum, bias, shift = (np.asarray(p) for p in measure(window.stage, window.trained * 1.2))
        assert np.abs(momentum).max() > 1e-6
        np.testing.assert_allclose(momentum, bias, rtol=1e-10)
        assert np.abs(shift).max() > 10 * np.abs(measure(window.stage, window.trained)[2]).max()


def test_windows_are_opened_as_they_were_trained(solution):
    """Each reaches its recorded loss: the second one starts where the first one ended."""
    for window, record in zip(opened(solution), solution.march.records, strict=True):
        assert float(window.objective().loss(window.trained)) == pytest.approx(
            record.loss, rel=1e-6
        )
        rows = labelled(window.objective(), window.trained)
        assert list(rows) == ["equation"]
        assert len(rows["equation"]) == window.objective().rows(window.trained).size


def test_a_network_without_a_first_layer_is_refused():
    network = nnx.LayerNorm(3, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    with pytest.raises(learning.LearningError, match="no affine first layer"):
        first_layer(network, np.dtype(float))
