import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.estimation.series import Series
from pinn.spectral import Chebyshev, Fourier


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_penalty_is_the_integral_of_a_derivative_squared(order):
    series = Series((Chebyshev(0.0, 2.0, 9),), order=order)
    coefficients = np.random.default_rng(0).normal(size=series.size)
    f = series.function(jnp.asarray(coefficients))
    slope = lambda z: f(z + 1.0)  # noqa: E731
    for _ in range(order):
        slope = jax.grad(slope)
    z, weights = np.polynomial.legendre.leggauss(30)
    whole = float(weights @ np.asarray(jax.vmap(slope)(jnp.asarray(z))) ** 2)
    found = float(np.sum((series.penalty @ coefficients) ** 2))
    assert abs(found - whole) < 1e-10 * whole


def test_two_axes_share_a_total_degree_and_each_has_its_roughness():
    series = Series((Chebyshev(-1.0, 1.0, 5), Chebyshev(-1.0, 1.0, 5)))
    assert series.size == 15
    plane = np.zeros(series.size)
    plane[(series._chosen.sum(axis=1) == 1)] = 1.0  # x + y, which is not rough
    assert np.linalg.norm(series.penalty @ plane) < 1e-12
    assert series.rank == series.size - 4  # 1, x, y and xy


def test_a_positive_series_is_above_its_bound_and_starts_at_its_guess():
    series = Series((Fourier(0.0, 1.0, 7),), lower=0.5, guess=2.0)
    f = series.function(jnp.asarray(series.start))
    assert abs(float(f(jnp.asarray(0.3))) - 2.0) < 1e-14
    low = series.function(jnp.asarray(series.start - 40.0))
    assert float(low(jnp.asarray(0.3))) >= 0.5


def test_the_log_determinant_of_the_prior_is_that_of_its_precision():
    series = Series((Chebyshev(-1.0, 1.0, 6),))
    precision = series.penalty.T @ series.penalty / 0.3**2 + np.eye(6) / series.width**2
    expected = 0.5 * np.linalg.slogdet(precision)[1]
    assert abs(series.log_prior(0.3) - expected) < 1e-8
