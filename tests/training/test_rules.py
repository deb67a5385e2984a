"""What the rules of training do, in numbers: dampings, patience, lengths of windows, held laws."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pinn.jets import Jet, JetSpace
from pinn.training.constrained import DAMPINGS, constrained
from pinn.training.fields import Fields
from pinn.training.gauss_newton import DampingState, GaussNewton
from pinn.training.loop import PATIENCE, LoopState, advance, begin, finished, outcome
from pinn.training.objective import Block, Objective
from pinn.training.windows import Adaptive, Attempt, Controlled

DOUBLE = "float64"


def rows_of(function, size, unknowns):
    """Return the objective ½|r(p)|² of rows that are given by a function of the parameters."""
    space = JetSpace.of(("t",), {"p": (unknowns,)})
    block = Block("rows", lambda jet: jnp.sqrt(size) * function(jet.p), size)
    return Objective([block], lambda p, _: Jet(space, {"p": p}), jnp.zeros(1))


# ---- the damping


def bent(curvature):
    """Rows 1 + p + a p² at p = 0: a full step gains 1 − a² of what the linear model predicts."""
    return rows_of(lambda p: 1.0 + p + curvature * p**2, 1, 1)


@pytest.mark.parametrize(
    ("ratio", "change", "stalled"),
    [(0.9, 0.05, False), (0.3, 0.05, False), (0.15, 1.0, False), (0.05, 1.0, True)],
)
def test_damping_shrinks_after_a_good_step_only(ratio, change, stalled):
    """Above a quarter of what was predicted; one that left 95 % of the loss has stalled."""
    method, damping = GaussNewton(shrink=0.05, grow=10.0), 1e-9
    objective = bent(np.sqrt(1.0 - ratio))
    result = method.step(objective, jnp.zeros(1), DampingState(jnp.asarray(damping)))
    np.testing.assert_allclose(result.parameters, [-1.0], rtol=1e-6)
    np.testing.assert_allclose(result.loss, 0.5 * (1.0 - ratio), rtol=1e-6)
    np.testing.assert_allclose(result.state.damping, change * damping, rtol=1e-12)
    assert bool(result.stalled) == stalled


def test_damping_grows_after_a_step_that_failed():
    result = GaussNewton(grow=7.0).step(bent(1.2), jnp.zeros(1), DampingState(jnp.asarray(1e-9)))
    assert float(result.parameters[0]) == 0.0 and bool(result.stalled)
    np.testing.assert_allclose(result.loss, 0.5, rtol=1e-14)
    np.testing.assert_allclose(result.state.damping, 7e-9, rtol=1e-12)


def test_a_longer_damping_that_is_trusted_is_kept_as_it_is():
    """At λ = 1 the step is half as long: (1 − ½ + ¼ a)², trusted where the full one is not."""
    method = GaussNewton(factors=(1e-9, 1.0, 100.0))
    result = method.step(bent(1.2), jnp.zeros(1), DampingState(jnp.asarray(1.0)))
    np.testing.assert_allclose(result.parameters, [-0.5], rtol=1e-9)
    np.testing.assert_allclose(result.loss, 0.5 * (0.5 + 0.3) ** 2, rtol=1e-9)
    np.testing.assert_allclose(result.state.damping, 1.0, rtol=1e-12)


@pytest.mark.parametrize(("factorisation", "floor"), [("qr", 2.0**-104), ("cholesky", 2.0**-48)])
def test_damping_stays_above_what_the_factors_bear(factorisation, floor):
    method = GaussNewton(factorisation=factorisation)
    result = method.step(bent(0.0), jnp.zeros(1), DampingState(jnp.asarray(2.0 * floor)))
    assert float(result.state.damping) == floor


# ---- the loop


def steep(p):
    """Rows that no parameters lower: every step stalls."""
    return jnp.stack([jnp.ones(()), 0.0 * p[0]])


@pytest.mark.parametrize("patience", [1, 3])
def test_the_loop_ends_after_so_many_stalls_as_the_patience(patience):
    objective, method = rows_of(steep, 2, 1), GaussNewton()
    loop = advance(method, objective, begin(method, jnp.ones(1)), 0.0, 50, 50, patience)
    assert int(loop.stalls) == patience
    assert int(loop.taken) == patience + 1  # the first is not compared with anything
    assert finished(loop, 0.0, 50, 0, patience) and not finished(loop, 0.0, 50, 0, patience + 1)
    assert not finished(loop, 0.0, 50) and patience < PATIENCE


def stand(best_loss, taken, stalls, multipliers=0):
    number = jnp.asarray
    nothing = jnp.zeros(multipliers)
    best = number([0.5])
    return LoopState(
        number([3.0]), None, best, number(best_loss), number(taken), number(stalls), nothing, 0
    )


@pytest.mark.parametrize(
    ("state", "ramp", "ends"),
    [
        ((1.0, 5, 0), 0, False),
        ((0.1, 5, 0), 0, True),
        ((0.1, 5, 0), 5, False),
        ((0.1, 6, 0), 5, True),
        ((1.0, 20, 0), 30, True),
        ((1.0, 19, 1), 0, False),
        ((1.0, 5, 2), 0, True),
        ((1.0, 5, 3, 1), 0, False),
        ((1.0, 5, 4, 1), 0, True),
    ],
)
def test_what_ends_a_loop(state, ramp, ends):
    """A target of 0.1, 20 steps, a patience of 2, with multipliers of 4."""
    assert bool(finished(stand(*state), 0.1, 20, ramp, 2)) == ends


@pytest.mark.parametrize(("best_loss", "expected"), [(1.0, (0.5, 1.0)), (9.0, (3.0, 4.5))])
def test_the_outcome_is_the_better_of_the_best_and_the_last(best_loss, expected):
    parameters, loss = outcome(rows_of(lambda p: p, 1, 1), stand(best_loss, 5, 0))
    np.testing.assert_allclose((parameters[0], loss), expected, rtol=1e-14)


# ---- the lengths of windows


def attempt(residual, length=1.0, reachable=0.0, steps=10):
    return Attempt(length, 0.1 * length, residual, reachable, steps)


@pytest.mark.parametrize("order", [3, 6])
def test_controlled_windows_follow_the_order_and_the_tolerance(order):
    """h (0.2 · tolerance / measure)^(1/n), the measure being the residual over the share."""
    rule = Controlled(tolerance=1e-5, order=order)
    for much in (2.0, 5.0):
        missed = attempt(0.1 * much * 1e-5)
        assert rule.retry([missed], DOUBLE) == pytest.approx(
            np.clip((0.2 / much) ** (1.0 / order), 0.2, 0.7), rel=1e-12
        )
    met = attempt(0.1 * 0.8e-5)
    assert rule.retry([met], DOUBLE) is None
    assert rule.following([met], DOUBLE) == pytest.approx(0.25 ** (1.0 / order), rel=1e-12)
    easy = attempt(0.1 * 0.1e-5)
    assert rule.following([easy], DOUBLE) == pytest.approx(2.0 ** (1.0 / order), rel=1e-12)
    assert rule.following([attempt(1e-30)], DOUBLE) == 2.0
    assert rule.following([attempt(0.1 * 1e-5), met], DOUBLE) < 1.0


def test_controlled_windows_ask_for_no_more_than_can_be_reached():
    """Twenty times of it, over the window's share of the span."""
    rule = Controlled(tolerance=1e-5, order=4)
    residual = 19.0e-4
    assert rule.retry([attempt(residual)], DOUBLE) == 0.2
    assert rule.retry([attempt(residual, reachable=1e-4)], DOUBLE) is None
    above = rule.retry([attempt(40.0e-4, reachable=1e-4)], DOUBLE)
    assert above == pytest.approx((0.2 * 0.5) ** 0.25, rel=1e-12)


@pytest.mark.parametrize("order", [2, 12])
def test_adaptive_windows_follow_the_order_and_the_goal(order):
    """h (0.3 · goal / residual)^(1/n), the goal being the tolerance or ten times the reachable."""
    rule = Adaptive(tolerance=1e-6, order=order)
    assert rule.retry([attempt(1.01e-6)], DOUBLE) is not None
    assert rule.retry([attempt(0.99e-6)], DOUBLE) is None
    assert rule.retry([attempt(2e-6)], DOUBLE) == pytest.approx(
        min(0.15 ** (1.0 / order), 0.8), rel=1e-12
    )
    reachable = attempt(2e-4, reachable=1e-5)
    assert rule.retry([reachable], DOUBLE) == pytest.approx(
        min(0.15 ** (1.0 / order), 0.8), rel=1e-12
    )
    assert rule.retry([attempt(0.99e-4, reachable=1e-5)], DOUBLE) is None


def test_adaptive_windows_aim_at_a_number_of_steps():
    rule = Adaptive(tolerance=1e-6, aim=16)
    lengths = [rule.following([attempt(1e-7, steps=n)], DOUBLE) for n in (1, 14, 16, 25, 100)]
    np.testing.assert_allclose(lengths, [1.3, (16 / 14) ** 0.5, 1.0, 0.8, 0.7], rtol=1e-12)
    # Accepted above its goal, for want of better: the length that was tried first.
    assert rule.following([attempt(1e-3, 2.0), attempt(1e-4, 1.0)], DOUBLE) == 2.0


# ---- laws that are held


def test_a_law_is_held_by_the_change_that_the_equation_minds_least():
    """min |J d|² + λ |S d|² subject to C (p + d) = c, S the norms of J's columns, for one λ."""
    generator = np.random.default_rng(3)
    jacobian, law = generator.normal(size=(6, 4)), generator.normal(size=(2, 4))
    start = generator.normal(size=4)
    equation = rows_of(lambda p: jnp.asarray(jacobian) @ p, 6, 4)
    laws = rows_of(lambda p: jnp.asarray(law) @ p - jnp.array([0.3, -0.2]), 2, 4)
    miss = law @ start - [0.3, -0.2]

    def least(damping):
        gram = jacobian.T @ jacobian
        gram += damping * np.diag(np.diag(gram))
        matrix = np.block([[gram, law.T], [law, np.zeros((2, 2))]])
        return np.linalg.solve(matrix, np.concatenate([np.zeros(4), -miss]))[:4]

    held = constrained(equation, laws, jnp.asarray(start))
    gaps = [np.linalg.norm(held - start - least(damping)) for damping in DAMPINGS]
    assert min(gaps) < 1e-10 < 1e-2 < max(gaps)
    np.testing.assert_allclose(laws.rows(held), np.zeros(2), atol=1e-14)


def test_a_curved_law_is_met_to_rounding():
    equation = rows_of(lambda p: p, 2, 2)
    laws = rows_of(lambda p: (p @ p - 1.0)[None], 1, 2)
    held = constrained(equation, laws, jnp.array([0.9, 0.7]))
    np.testing.assert_allclose(held, np.array([0.9, 0.7]) / np.hypot(0.9, 0.7), atol=1e-12)


@pytest.mark.parametrize("start", [3.0, 30.0])
def test_a_change_that_makes_a_law_worse_is_not_taken(start):
    """Newton's method for arctan p = 0 goes out from beyond 1.39, whatever the damping."""
    laws = rows_of(jnp.arctan, 1, 1)
    held = constrained(rows_of(lambda p: p, 1, 1), laws, jnp.array([start]))
    np.testing.assert_array_equal(held, [start])


def test_a_law_that_is_not_finite_changes_nothing():
    laws = rows_of(lambda p: jnp.where(p == 1.0, p, jnp.nan), 1, 1)
    held = constrained(rows_of(lambda p: p, 1, 1), laws, jnp.ones(1))
    np.testing.assert_array_equal(held, [1.0])


@pytest.mark.parametrize(("after", "kept"), [(0.5, True), (1.9, True), (2.1, False)])
def test_laws_are_held_unless_the_equation_pays_twice(after, kept):
    """The residual on fresh points may double, above what is negligible anyway."""
    recipe = types.SimpleNamespace(windows=Controlled(tolerance=1e-3), precision=DOUBLE)
    alone = types.SimpleNamespace(_residual=lambda stage, known, p: p[0], recipe=recipe)
    settled = lambda *ends: Fields._settled(alone, None, None, *ends)  # ty: ignore # noqa: E731
    parameters, residual = settled(jnp.array([1.0, 7.0]), jnp.array([after, 8.0]))
    assert float(parameters[1]) == (8.0 if kept else 7.0)
    assert float(residual) == (after if kept else 1.0)
    tiny, _ = settled(jnp.array([1e-9, 7.0]), jnp.array([9e-9, 8.0]))
    assert float(tiny[1]) == 8.0  # a tenth of the target, 1e-4 of the tolerance
    huge, _ = settled(jnp.array([1e-9, 7.0]), jnp.array([1.3e-8, 8.0]))
    assert float(huge[1]) == 7.0


def test_rows_are_half_their_squares():
    objective = rows_of(lambda p: jnp.array([3.0, 4.0]) * p[0], 2, 1)
    assert float(jax.jit(objective.loss)(jnp.ones(1))) == pytest.approx(12.5, rel=1e-14)
