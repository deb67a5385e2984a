"""A reference's error estimate bounds the true error, on every closed form of the catalogue."""

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.catalogue import catalogue
from pinn.references import Adaptive, Closed, Collocation, Fixed, Lines
from pinn.references.estimate import converging, relative_l2, scattered

# Gentle parameters where the default ones take long.
MECHANICS = {
    "charged_particle": {},
    "damped_oscillator": {},
    "fermat_ray": {},
    "harmonic_oscillator": {"end": 20.0},
    "isotropic_oscillator": {},
    "kepler": {"eccentricity": 0.7},
    "pendulum": {},
    "rigid_body": {},
    "rotating_frame": {},
    "struck_oscillator": {},
    "two_body": {},
}
LINES = {
    "advection": {"speed": 5.0},
    "bbm": {"end": 1.0},
    "beam": {"end": 0.3},
    "burgers": {"nu": 0.1},
    "heat": {},
    "klein_gordon": {"coupling": 0.0, "end": 1.0},
    "maxwell": {"end": 0.2},
    "mkdv": {"end": 0.1},
    "schrodinger": {"periods": 0.1},
    "shallow_water": {"end": 0.3},
    "taylor_green": {"end": 0.05},
    "wave": {"end": 0.5},
    "wave_2d": {"end": 0.1},
}
STATIONARY = {"helmholtz": {"first": 1, "second": 2}, "kovasznay": {}, "poisson": {"scales": (1,)}}
BOTH_ENDS = {"bratu": {}}
CLOSED = {**MECHANICS, **LINES, **STATIONARY, **BOTH_ENDS}
# Half a minute each: seen by hand, 1.3e-10 on sine_gordon.
LONG = {"sine_gordon"}


def method_of(name):
    if name in MECHANICS or name in BOTH_ENDS:
        return Adaptive()
    return Lines(cache=False) if name in LINES else Collocation()


def true_error(reference: pinn.Reference) -> float:
    """Return the error at scattered points, which lie on no grid of any method."""
    problem = reference.problem
    draw = np.random.default_rng(3)
    points = [draw.uniform(a.lower, a.upper, 1000) for a in problem.axes.values()]
    mine, truth = reference(*points), pinn.reference(problem, method=Closed())(*points)
    return max(relative_l2(mine[name], truth[name]) for name in truth)


def test_no_closed_form_is_left_out():
    with_closed_form = {name for name in catalogue() if pinn.get(name).exact is not None}
    assert with_closed_form | {"klein_gordon"} == {*CLOSED, *LONG}  # which has one if linear


@pytest.mark.parametrize("name", CLOSED)
def test_the_estimate_bounds_the_error(name):
    problem = pinn.get(name, **CLOSED[name])
    reference = pinn.reference(problem, method=method_of(name))
    error, rounding = true_error(reference), 4.0 * np.finfo(float).eps
    assert error <= reference.error_estimate <= 30.0 * max(error, rounding)


@pytest.mark.parametrize(
    "method",
    [
        Adaptive("Tsit5", rtol=1e-7),
        Adaptive("Kvaerno5", rtol=1e-6),
        Fixed("StormerVerlet", steps=500),
        Fixed("Yoshida6", steps=100),
        Fixed("Yoshida8", steps=1600),
        Fixed("GaussLegendre", steps=40, stages=3),
    ],
    ids=lambda m: m.name,
)
def test_the_estimate_bounds_the_error_of_every_method(method):
    reference = pinn.reference(pinn.get("kepler", eccentricity=0.3), method=method)
    error = true_error(reference)
    assert error <= reference.error_estimate <= 30.0 * error


@pytest.mark.parametrize("modes", [8, 12])
def test_too_few_points_are_told_by_the_estimate(modes):
    """Between eight points the shape of the solution is lost, but not from the estimate."""
    heat = pinn.get("heat", end=0.2)
    reference = pinn.reference(heat, method=Lines(modes=modes, cache=False))
    error = true_error(reference)
    assert error > 1e-9
    assert error <= reference.error_estimate <= 30.0 * error


def test_richardson_holds_only_where_the_order_shows():
    assert converging(15.0, 240.0, 16.0) == pytest.approx(1.0)
    assert converging(15.0, 30.0, 16.0) == 15.0


def test_an_estimate_is_measured_once(monkeypatch):
    reference = pinn.reference(pinn.get("harmonic_oscillator", end=1.0), method=Adaptive())
    first = reference.error_estimate
    monkeypatch.setattr("pinn.references.reference._estimate", None)
    assert reference.error_estimate == first


def test_half_of_the_scattered_points_lie_where_the_data_vary():
    pulse = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 10.0)},
        fields={"q": ()},
        residual=lambda j: j.q_t - jnp.exp(-(((j.t - 3.3) / 1e-3) ** 2)),
        initial={"q": 1.0},
    )
    (times,) = scattered(pulse)
    assert np.mean(np.abs(times - 3.3) < 0.01) > 0.1
