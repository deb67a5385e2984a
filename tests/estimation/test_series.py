import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.estimation.series import Series
from pinn.estimation.smoothness import Decay, Spline
from pinn.spectral import Chebyshev, Fourier


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_penalty_is_the_integral_of_a_derivative_squared(order):
    series = Series((Chebyshev(0.0, 2.0, 9),), smoothness=Spline(order))
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
    series = Series((Chebyshev(-1.0, 1.0, 5), Chebyshev(-1.0, 1.0, 5)), smoothness=Spline(2))
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


def test_decay_weighs_each_coefficient_by_its_degree():
    axes = (Chebyshev(-1.0, 1.0, 4), Fourier(0.0, 1.0, 5))
    series = Series(axes, smoothness=Decay(1.5))
    degree = series._chosen[:, 0] + np.array([0, 1, 2, 1, 2])[series._chosen[:, 1]]
    weights = np.abs(np.diag(series.penalty))
    assert np.allclose(weights, np.where(degree > 0, 1.5**degree, 0.0), atol=1e-12)


def test_away_from_its_bound_a_function_is_as_smooth_as_its_series():
    series = Series((Chebyshev(0.0, 1.0, 6),), lower=0.0, guess=0.2)
    f = series.function(jnp.asarray(series.start + 0.05 * np.eye(6)[1]))
    middle, end = (float(f(jnp.asarray(x))) for x in (0.5, 1.0))
    assert abs(end - middle - 0.05) < 1e-4  # linear in the coefficients, as an exponential is not


def test_a_series_goes_on_straight_beyond_its_interval():
    series = Series((Chebyshev(-1.0, 1.0, 6),))
    f = series.function(jnp.asarray(np.random.default_rng(0).normal(size=series.size)))
    slope = jax.grad(f)
    one, two, end = (jnp.asarray(x) for x in (1.5, 2.0, 1.0 - 1e-12))
    assert abs(float(f(two) - f(one) - 0.5 * slope(one))) < 1e-12
    assert abs(float(slope(one) - slope(end))) < 1e-9
