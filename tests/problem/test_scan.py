import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.problem.scan import Variation, places, scan


def oscillator(force, **interval):
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 5.0, **interval)},
        fields={"q": ()},
        residual=lambda j: j.q_tt + j.q - force(j.t),
        initial={"q": 1.0, "q_t": 0.0},
    )


def pulse(centre, width, height=100.0):
    return lambda t: height * jnp.exp(-(((t - centre) / width) ** 2))


def test_what_nothing_depends_on_has_its_ends_only():
    found = scan(oscillator(lambda t: 0.0 * t))["t"]
    assert found.knots.tolist() == [0.0, 5.0] and not found.jumps


@pytest.mark.parametrize("width", [0.5, 5e-3, 1e-5])
@pytest.mark.parametrize("height", [100.0, 1e-3])
def test_knots_are_as_close_as_a_pulse_is_narrow_wherever_and_however_weak(width, height):
    force = pulse(2.71, width, height)
    found = scan(oscillator(lambda t: force(t) + jnp.sin(t)))["t"]
    near = np.flatnonzero(np.abs(found.knots - 2.71) < width)
    assert near.size >= 1
    spacing = np.diff(found.knots)[near[0] - 1]
    assert 0.02 * width < spacing < 4.0 * width
    assert found.knots.size < 120


def test_a_pulse_that_is_written_without_its_time_is_found():
    found = scan(oscillator(lambda t: jnp.exp(-((400.0 * t - 1000.0) ** 2))))["t"]
    assert np.diff(found.knots).min() < 0.01


def test_a_switch_is_found_to_the_last_digit_and_a_breakpoint_is_none():
    switch = lambda t: jnp.where(t > 4.9, 1.0, 0.0)  # noqa: E731
    assert scan(oscillator(switch))["t"].jumps == (4.9,)
    assert scan(oscillator(switch, breakpoints=(4.9,)))["t"].jumps == ()
    unwritten = scan(oscillator(lambda t: jnp.where(3.0 * t > 10.0, 1.0, 0.0)))["t"].jumps
    np.testing.assert_allclose(unwritten, [10.0 / 3.0], rtol=1e-14)


def test_a_source_that_is_narrow_in_time_and_space_is_found_along_both():
    def source(j):
        return jnp.exp(-(((j.t - 0.7) / 0.01) ** 2) - (((j.x - 0.2) / 0.02) ** 2))

    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Periodic(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx - source(j),
        initial={"u": 0.0},
    )
    found = scan(problem)
    assert np.diff(found["t"].knots).min() < 0.04 and np.diff(found["x"].knots).min() < 0.08
    at = places(problem, 512)
    hit = (np.abs(at["t"] - 0.7) < 0.03) & (np.abs(at["x"] - 0.2) < 0.06)
    assert hit.mean() > 0.02  # even points: 0.7 %


def test_places_fill_the_domain():
    at = places(oscillator(pulse(2.5, 1e-3)), 1024)["t"]
    counts, _ = np.histogram(at, bins=8, range=(0.0, 5.0))
    assert at.min() >= 0.0 and at.max() <= 5.0 and counts.min() > 40


def test_a_step_reaches_up_to_what_is_narrow_and_a_few_pieces_within():
    variation = Variation(np.array([0.0, 2.0, 2.1, 2.2, 5.0]))
    assert variation.reach(0.0, 3.0) == pytest.approx(2.0)
    assert variation.reach(2.0, 3.0) == pytest.approx(0.3)
    assert variation.reach(2.5, 3.0) == pytest.approx(8.4)


def test_time_from_an_epoch_needs_no_more_knots_than_local_time():
    def shifted(start):
        return pinn.Problem(
            axes={"t": pinn.Interval(start, start + 10.0)},
            fields={"q": ()},
            residual=lambda j: j.q_tt + j.q - jnp.cos(0.9 * (j.t - start)),
            initial={"q": 1.0, "q_t": 0.0},
        )

    assert scan(shifted(1.7e9))["t"].knots.size <= scan(shifted(0.0))["t"].knots.size


@pytest.mark.parametrize("place", [2.5, 1.25, 5.0 / 3.0, 4.375])
@pytest.mark.parametrize("closed", [True, False])
def test_a_switch_at_a_round_number_is_found_whichever_side_it_belongs_to(place, closed):
    after = (lambda t: t >= place) if closed else (lambda t: t > place)
    assert scan(oscillator(lambda t: jnp.where(after(t), 1.0, 0.0)))["t"].jumps == (place,)
