"""A trained solver finds the motion from other initial data by its laws alone."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pinn
from pinn import learning
from pinn.errors import ProblemError
from pinn.learning import LearningError

TIMES = np.linspace(0.0, 1.0, 41)


@pytest.fixture(scope="module")
def oscillator():
    """A damped oscillator: its energy has a source, which belongs to the law."""
    problem = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 1.0)},
        fields={"q": ()},
        lagrangian=lambda j: 0.5 * j.q_t**2 - 2.0 * j.q**2,
        dissipation=lambda j: 0.05 * j.q_t**2,
        initial={"q": 1.0, "q_t": 0.5},
        symmetries=[pinn.symmetry.time_translation()],
    )
    recipe = pinn.Recipe(network=pinn.Network(width=16), windows=pinn.Uniform(2), steps=40)
    return pinn.solve(problem, recipe=recipe, progress=False)


def motion(q, v, t):
    """The closed form of q'' + 0.1 q' + 4 q = 0."""
    rate, frequency = 0.05, np.sqrt(4.0 - 0.05**2)
    sine = (v + rate * q) / frequency
    return np.exp(-rate * t) * (q * np.cos(frequency * t) + sine * np.sin(frequency * t))


def test_the_law_alone_finds_the_motion_from_other_initial_data(oscillator):
    done = learning.tailor(oscillator, {"q": 0.7, "q_t": 1.1})
    truth = motion(0.7, 1.1, TIMES)
    assert done.before > 1e-3
    assert done.after < 1e-9
    assert 0.0 < done.residual < 1e-5
    np.testing.assert_allclose(done.solution(TIMES)["q"], truth, atol=1e-7)
    assert np.max(np.abs(oscillator(TIMES)["q"] - truth)) > 0.1
    np.testing.assert_allclose(oscillator(TIMES)["q"], motion(1.0, 0.5, TIMES), atol=1e-7)


def test_the_balance_holds_with_what_friction_takes(oscillator):
    solution = learning.tailor(oscillator, {"q": 0.7}).solution
    j = solution.jet(TIMES, entries=("q", "q_t"))
    energy = np.asarray(0.5 * j["q_t"] ** 2 + 2.0 * j["q"] ** 2)
    taken = np.gradient(energy, TIMES, edge_order=2) + 0.1 * np.asarray(j["q_t"]) ** 2
    assert np.max(np.abs(taken)) < 5e-3 * np.max(np.abs(np.gradient(energy, TIMES)))
    np.testing.assert_allclose(energy[0], 0.5 * 0.5**2 + 2.0 * 0.7**2, rtol=1e-12)


def test_only_what_is_asked_for_moves_and_never_to_a_worse_violation(oscillator):
    biases = nnx.PathContains("bias")
    done = learning.tailor(
        oscillator, {"q": 0.9}, tailored=biases, steps=3, stages=1, tolerance=np.inf
    )
    assert done.after <= done.before
    before = nnx.to_flat_state(oscillator.model.parameters)
    after = nnx.to_flat_state(done.solution.model.parameters)
    pairs = zip(before, after, strict=True)
    moved = {path[-1] for (path, a), (_, b) in pairs if jnp.any(a[...] != b[...])}
    assert moved == {"bias"}


def test_a_motion_that_the_laws_do_not_fix_is_warned_of(oscillator):
    with pytest.warns(pinn.NotConverged, match="did not fix the motion"):
        learning.tailor(oscillator, {"q": 0.7, "q_t": 1.1}, steps=1, stages=1)


def test_its_own_initial_data_leave_a_solver_as_it_is(oscillator):
    done = learning.tailor(oscillator, {}, stages=1)
    np.testing.assert_allclose(done.solution(TIMES)["q"], oscillator(TIMES)["q"], atol=1e-8)


def test_what_cannot_be_tailored_is_refused_in_one_sentence(oscillator):
    with pytest.raises(LearningError, match="no weights that match"):
        learning.tailor(oscillator, {"q": 0.9}, tailored=nnx.PathContains("scale"))
    with pytest.raises(LearningError, match="points ≥ 4"):
        learning.tailor(oscillator, {"q": 0.9}, points=2)
    with pytest.raises(ProblemError, match="no entry 'speed'"):
        learning.tailor(oscillator, {"speed": 0.9})
    with pytest.raises(ProblemError, match="q"):
        learning.tailor(oscillator, {"q": (0.9, 1.0)})


def test_a_problem_over_space_or_without_a_law_is_refused():
    from dataclasses import replace

    from pinn.learning.tailoring import _check, _restarted

    with pytest.raises(LearningError, match="extends over space"):
        _restarted(pinn.get("heat"), {})
    free = pinn.get("van_der_pol")

    class Bare:
        problem = replace(free, conserved={}, symmetries=())

    with pytest.raises(LearningError, match="has no verified law"):
        _check(Bare, 10, 1, 10)
