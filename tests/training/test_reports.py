"""What a window reports of itself, where its network is still zero: all known in closed form."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.training.field_rows import equation_plan
from pinn.training.loop import begin
from pinn.training.machinery import machinery
from pinn.training.march import Record, _accept, _before, _reachable, _settle, begin_march
from pinn.training.rows import Nodes

H = 0.1
SMALL = {"network": pinn.Network(width=2), "points": 4, "windows": pinn.Uniform(10), "steps": 5}


def opened(problem, **recipe):
    """Return the parts, a march, its first window and a report of it as it stands untrained."""
    parts = machinery(problem, pinn.Recipe(**(SMALL | recipe)))
    march = begin_march(parts, 0)
    stage = jax.jit(parts.open)(march.front, jnp.asarray(H))
    loop = begin(parts.recipe.step, parts.fresh(1), parts.multiplier_count(stage))
    report = jax.jit(parts.close)(stage, (), loop, march.front.gained)
    return parts, replace(march, stage=stage, loop=loop), stage, report


@pytest.fixture(scope="module")
def swing():
    """2 q″ + 2 q = 0 from q = 3, q′ = 0; the window starts as the parabola 3 − 3 s²/2."""
    return opened(
        pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"q": ()},
            lagrangian=lambda j: j.q_t**2 - j.q**2,
            initial={"q": 3.0, "q_t": 0.0},
            symmetries=[pinn.symmetry.time_translation()],
        ),
        conservation=4.0,
    )


def test_a_window_is_measured_in_the_units_of_its_equation(swing):
    """The residual is −3 s² at most, the rows' unit 2 · 3 / h², the energy 9 (1 + s⁴/4)."""
    _, _, stage, report = swing
    np.testing.assert_allclose(stage.row_scale, [6.0 / H**2], rtol=1e-12)
    np.testing.assert_allclose(report.residual, 0.5 * H**4, rtol=1e-9)
    np.testing.assert_allclose(report.drift, 0.25 * H**4, rtol=1e-9)
    np.testing.assert_allclose(report.state["q"], 3.0 - 1.5 * H**2, rtol=1e-14)
    np.testing.assert_allclose(report.state["q_t"], -3.0 * H, rtol=1e-14)


def test_the_loss_of_a_window_weighs_its_rows(swing):
    _, _, _, report = swing
    points = Nodes.gauss_legendre(4).points
    equation = np.mean((0.5 * H**4 * points**2) ** 2)
    law = (0.25 * (H * points[3]) ** 4) ** 2
    np.testing.assert_allclose(report.loss, 0.5 * (equation + 4.0 * law), rtol=1e-7)


def test_what_sources_add_is_counted():
    """q′ = −q from 2 as 2 − 2 s: the source adds −2 h + h², the residual is h · 2 h / 2."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        residual=lambda j: j.q_t + j.q,
        initial={"q": 2.0},
        conserved={"amount": pinn.Balance(lambda j: j.q, lambda j: -j.q)},
    )
    *_, report = opened(problem)
    np.testing.assert_allclose(report.residual, H**2, rtol=1e-9)
    np.testing.assert_allclose(report.gained["amount"], H**2 - 2.0 * H, rtol=1e-12)
    np.testing.assert_allclose(report.drift, 0.5 * H**2, rtol=1e-9)


def test_the_next_window_starts_from_what_was_trained(swing):
    parts, march, stage, report = swing
    report = jax.tree.map(np.asarray, report)
    following = _accept(parts, replace(march, steps=7), stage.window, report, 0.2)
    np.testing.assert_array_equal(following.front.parameters, parts.fresh(1))
    assert not np.array_equal(following.front.parameters, parts.fresh(march.seed))
    assert following.length == 0.2 and following.reached == pytest.approx(H, rel=1e-14)
    (record,) = following.records
    assert record.steps == 7 and record.residual == pytest.approx(0.5 * H**4, rel=1e-9)
    assert record.drift == pytest.approx(0.25 * H**4, rel=1e-9)
    # No better than what the last one left of the laws, or a tenth of its residual, can be asked.
    assert _reachable(parts, following) == record.drift
    larger = replace(following, records=(replace(record, residual=11.0 * record.drift),))
    assert _reachable(parts, larger) == pytest.approx(1.1 * record.drift, rel=1e-12)
    assert _reachable(parts, march) == 0.0
    before = _before(parts, following)
    assert (before.length, before.share, before.steps) == (record.length, record.length, 7)


def test_a_window_that_misses_is_begun_anew_and_shorter(swing):
    parts, march, stage, report = swing
    report = jax.tree.map(np.asarray, report)
    held = 0.5 * H**4
    for tolerance, kept in ((1.1 * held, True), (0.9 * held, False)):
        windows = pinn.Adaptive(tolerance=tolerance, order=4)
        strict = replace(parts, recipe=replace(parts.recipe, windows=windows))
        after = _settle(strict, march, stage.window, report, 5)
        assert bool(after.windows) == kept and not after.stuck
        if not kept:
            assert after.stage is None and after.steps == 5 and len(after.attempts) == 1
            np.testing.assert_array_equal(after.front.parameters, parts.fresh(march.seed))
            assert after.length == pytest.approx((0.3 * 0.9) ** 0.25 * H, rel=1e-9)


def _record():
    """Return an accepted window that was exact."""
    return Record(end=H, length=H, loss=0.0, residual=0.0, drift=0.0, steps=3, attempts=1)


def test_a_window_is_asked_to_make_good_no_more_drift_than_its_tolerance(swing):
    """The energy is 9; its sources are said to have added a half, and windows are 1e-3 exact."""
    parts, march, *_ = swing
    drifted = replace(march.front, gained={"energy": jnp.asarray(0.5)})
    adaptive = pinn.Adaptive(tolerance=1e-3)
    limited = replace(parts, recipe=replace(parts.recipe, windows=adaptive))
    for some, target in ((limited, 9.0 + 1e-3 * 9.5), (parts, 9.5)):
        asked = some.open(drifted, jnp.asarray(H)).targets["energy"]
        np.testing.assert_allclose(asked, target, rtol=1e-12)
    before = replace(_record(), drift=0.1)
    assert _reachable(limited, replace(march, records=(before,))) == 1e-3
    assert _reachable(parts, replace(march, records=(before,))) == 0.1


def test_a_law_that_grew_is_measured_by_what_it_is_now(swing):
    parts, march, *_ = swing
    grown = replace(march.front, gained={"energy": jnp.asarray(81.0)})
    (_, law) = parts.objective(parts.open(grown, jnp.asarray(H))).blocks
    np.testing.assert_allclose(law.target, 1.0, rtol=1e-12)


@pytest.fixture(scope="module")
def decay():
    """u_t = −u from 2 + sin 2πx on a circle; the window starts as what does not change."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0), "x": pinn.Periodic(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.u,
        initial={"u": lambda x: 2.0 + jnp.sin(2.0 * jnp.pi * x)},
        conserved={"heat": pinn.Balance(lambda j: j.u, lambda j: -j.u)},
    )
    network = pinn.Separable(waves=2, times=3)
    parts = machinery(problem, pinn.Recipe(network=network, conservation=4.0))

    front = parts.first_front(0)

    @jax.jit
    def measured():
        stage = parts.open(front, jnp.asarray(H))
        known = parts.prepare(stage)
        nothing = jnp.zeros_like(front.parameters)
        gained, drift = parts._ledger(stage, known, nothing, front.gained)
        rows = parts._laws(stage, known).rows(nothing)
        points = equation_plan(parts.ansatz, stage, parts.slices).points
        fresh = parts._fresh(stage).points
        residual = parts._residual(stage, known, nothing)
        return stage.row_scale, residual, gained, drift, rows, points, fresh

    return parts, measured()


def test_a_window_over_space_is_measured_in_its_units(decay):
    """The residual is u itself, between 1 and 3, and its unit 3 / h."""
    _, (unit, residual, *_, fresh) = decay
    np.testing.assert_allclose(unit, [3.0 / H], rtol=2e-2)
    expected = np.sqrt(np.mean((2.0 + np.sin(2.0 * np.pi * np.asarray(fresh)[:, 1])) ** 2))
    np.testing.assert_allclose(residual, expected / unit[0], rtol=1e-9)


def test_the_rows_of_a_law_over_space_are_its_integrals(decay):
    """∫u stays at 2 where its source has taken 2 s: it is off by s / h of h after a share s / h."""
    parts, (_, _, gained, drift, rows, *_) = decay
    np.testing.assert_allclose(gained["heat"], -2.0 * H, rtol=1e-12)
    np.testing.assert_allclose(drift, H, rtol=1e-12)
    shares = parts.charge_slices.points
    np.testing.assert_allclose(rows, H * shares * np.sqrt(4.0 / shares.size), rtol=1e-10)


def test_a_window_is_judged_where_it_was_not_trained(decay):
    _, (*_, points, fresh) = decay
    gaps = np.linalg.norm(np.asarray(fresh)[:, None] - np.asarray(points)[None], axis=-1)
    assert np.mean(np.min(gaps, axis=1) > 1e-6) > 0.95
    assert np.all((fresh[:, 1] >= 0.0) & (fresh[:, 1] <= 1.0))
    assert np.all((fresh[:, 0] > 0.0) & (fresh[:, 0] <= H * (1.0 + 1e-12)))


def test_networks_over_space_begin_anew_in_every_window(decay):
    parts, _ = decay
    assert not parts.warm
    ones = jnp.ones_like(parts.fresh(0))
    np.testing.assert_array_equal(parts.following(ones, 3), parts.fresh(3))
