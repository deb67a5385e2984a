"""Least squares against the closed forms of linear regression."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
import pytest
from open_problems import oscillator

import pinn
from pinn.estimation.fit import Optimum
from pinn.estimation.fitting import Fitting
from pinn.estimation.model import AbstractModel
from pinn.estimation.observations import HUBER, Observations, huber
from pinn.estimation.vector import Vector
from pinn.posterior import Posterior

COUNT = 30
X = np.stack([np.ones(COUNT), np.linspace(-1.0, 1.0, COUNT)], axis=1)


@dataclass(frozen=True, eq=False)
class Line(AbstractModel):
    """Predicts a + b x, whatever the equation says."""

    @property
    def accuracy(self) -> float:
        return 1e-12

    def traced(self, z):
        return [jnp.asarray(X) @ z]

    def predictions(self, z, requests):
        return [X @ z], [X]


def line(noise=None, sd=0.1, seed=0, loss="squares", unknowns=None) -> tuple[Line, np.ndarray]:
    values = X @ [0.5, -2.0] + sd * np.random.default_rng(seed).normal(size=COUNT)
    data = pinn.Data({"t": np.linspace(0.1, 1.0, COUNT)}, {"q": values}, noise=noise, loss=loss)
    problem = oscillator([data], unknowns=unknowns or {n: pinn.Unknown(1.0) for n in ("k", "b")})
    return Line(Vector.of(problem, {}), Observations.of(problem)), values


def posterior(model: Line) -> Posterior:
    fit = Fitting(model).fit(model.vector.start, {})
    return Posterior(model.vector, model.observations, Optimum.of(fit), lambda: model)


def test_the_estimate_and_its_covariance_are_those_of_regression():
    model, values = line(noise=0.1)
    found = posterior(model)
    exact = np.linalg.lstsq(X, values, rcond=None)[0]
    covariance = 0.01 * np.linalg.inv(X.T @ X)
    np.testing.assert_allclose([found.estimate["k"], found.estimate["b"]], exact, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9, atol=1e-15)
    low, high = found.interval("b", 0.95)
    assert abs((high - low) / (2 * 1.959964 * found.std["b"]) - 1.0) < 1e-6
    assert abs(found.freedom - (COUNT - 2)) < 1e-6
    assert found.fit.converged and not found.undetermined and not found.misfit


def test_estimated_noise_has_the_degrees_of_freedom_of_regression():
    model, values = line()
    found = posterior(model)
    left = values - X @ np.linalg.lstsq(X, values, rcond=None)[0]
    expected = np.sqrt(np.sum(left**2) / (COUNT - 2))
    assert abs(found.noise["q"] / expected - 1.0) < 1e-3
    low, high = found.interval("k", 0.95)
    assert abs((high - low) / (2 * 2.048407 * found.std["k"]) - 1.0) < 1e-3  # Student's, 28


@pytest.mark.parametrize(("stated", "sentence"), [(0.02, "does not explain"), (0.5, "closer to")])
def test_noise_that_is_stated_wrongly_is_said(stated, sentence):
    assert sentence in posterior(line(noise=stated)[0]).misfit


def test_a_prior_counts_as_one_measurement():
    unknowns = {"k": pinn.Unknown(1.0, prior=(3.0, 0.01)), "b": pinn.Unknown(1.0)}
    model, values = line(noise=0.1, unknowns=unknowns)
    rows = np.concatenate([X / 0.1, [[100.0, 0.0]]])
    exact = np.linalg.lstsq(rows, np.append(values / 0.1, 300.0), rcond=None)[0]
    found = posterior(model)
    np.testing.assert_allclose([found.estimate["k"], found.estimate["b"]], exact, rtol=1e-8)


def test_draws_have_the_moments_of_the_posterior():
    found = posterior(line(noise=0.1)[0])
    draws = found.sample(4000, seed=1)
    assert abs(np.std(draws["b"]) / found.std["b"] - 1.0) < 0.05
    assert abs(np.mean(draws["b"]) - found.estimate["b"]) < 0.1 * found.std["b"]


def test_a_profile_is_the_parabola_of_a_linear_model():
    found = posterior(line(noise=0.1)[0])
    values = found.estimate["b"] + found.std["b"] * np.array([-2.0, 0.0, 1.0])
    np.testing.assert_allclose(found.profile("b", values), [4.0, 0.0, 1.0], atol=1e-4)


def test_huber_rows_give_the_loss_of_huber():
    rows = jnp.asarray([-5.0, -1.0, 0.0, 0.3, 1.345, 10.0])
    size = np.abs(np.asarray(rows))
    exact = np.where(size > HUBER, HUBER * size - 0.5 * HUBER**2, 0.5 * size**2)
    np.testing.assert_allclose(0.5 * np.asarray(huber(rows)) ** 2, exact, rtol=1e-13)


def test_outliers_count_little_by_the_loss_of_huber():
    errors = {}
    for loss in ("squares", "huber"):
        model, values = line(noise=0.1, loss=loss)
        column = model.observations.columns[0]
        spoilt = np.array(values)
        spoilt[::10] += 5.0
        observations = replace(model.observations, columns=(replace(column, values=spoilt),))
        model = replace(model, observations=observations)
        fit = Fitting(model).fit(model.vector.start, {})
        errors[loss] = abs(fit.z[0] - 0.5)
    assert errors["huber"] < 0.2 * errors["squares"]


def test_what_the_data_do_not_tell_is_named_and_stays_at_its_guess():
    @dataclass(frozen=True, eq=False)
    class Ratio(Line):
        def predictions(self, z, requests):
            share = np.exp(z[0] - z[1])
            return [-share * X[:, 1]], [-share * X[:, 1:] * np.array([[1.0, -1.0]])]

    unknowns = {n: pinn.Unknown(1.0, lower=0.0) for n in ("friction", "mass")}
    model, _ = line(noise=0.1, unknowns=unknowns)
    found = posterior(Ratio(model.vector, model.observations))
    (sentence,) = found.undetermined
    assert "only friction/mass" in sentence
    assert found.std["mass"] > 1e3
