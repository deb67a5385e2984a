"""Ramps and multipliers of rows, against what they are known to converge to."""

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import RecipeError
from pinn.jets import Jet, JetSpace
from pinn.noether.anchor import anchor
from pinn.training.gauss_newton import GaussNewton
from pinn.training.loop import advance, begin, finished, outcome
from pinn.training.objective import Block, Objective
from pinn.training.rows import SLICE, Nodes

SPACE = JetSpace.of(("t",), {"p": (2,)})
JET_AT = lambda parameters, point: Jet(SPACE, {"p": parameters})  # noqa: E731


def trained(objective, steps=60):
    step = GaussNewton()
    loop = advance(
        step, objective, begin(step, jnp.ones(2), objective.multiplier_count), 0.0, steps, steps
    )
    return loop, outcome(objective, loop)[0]


def contradicting(**law):
    """An equation p = 0 and a law p₀ + p₁ = 0.02: by rows alone they meet in between."""
    equation = Block("equation", lambda j: j.p, 2)
    total = Block("law", lambda j: jnp.sum(j.p)[None], 1, None, jnp.full((1, 1), 0.02), 1.0, **law)
    return Objective([equation, total], JET_AT, jnp.zeros(1))


def test_multipliers_meet_a_law_that_rows_of_the_same_weight_do_not():
    """The penalty minimises ½(½|p|² + (Σp − 0.02)²); the constraint gives p = (0.01, 0.01)."""
    _, penalised = trained(contradicting())
    np.testing.assert_allclose(penalised, np.full(2, 0.008), atol=1e-10)
    loop, augmented = trained(contradicting(augmented=True))
    np.testing.assert_allclose(augmented, np.full(2, 0.01), atol=1e-10)
    # λ/μ from ½ ∂|p|²/2 = μ λ/μ: each component of p/2 balances the shift of the target.
    np.testing.assert_allclose(loop.multipliers, [-0.005], atol=1e-9)


def test_a_ramp_raises_the_weight_from_nothing_and_trains_on_until_it_is_full():
    objective = contradicting(ramp=6)
    none = jnp.zeros(0)
    assert objective.ramp == 6 and objective.multiplier_count == 0
    weights = [float(objective.during(jnp.asarray(n), none).blocks[1].weight) for n in (0, 3, 9)]
    assert weights == [0.0, 0.5, 1.0]
    loop, found = trained(objective)
    assert int(loop.taken) > 6
    np.testing.assert_allclose(found, np.full(2, 0.008), atol=1e-10)
    early = loop._replace(taken=jnp.asarray(3), best_loss=jnp.asarray(0.0))
    assert not finished(early, 1.0, 60, 6) and finished(early, 1.0, 60, 0)


def test_augmented_rows_bring_the_slices_of_a_small_network_closer_to_their_level():
    problem = pinn.get("pendulum", end=3.0)
    small = {"network": pinn.Network(width=6), "points": 12, "windows": pinn.Uniform(1)}
    times = 3.0 * Nodes.gauss_legendre(12).points[SLICE - 1 :: SLICE]

    def gap(mode):
        recipe = pinn.Recipe(**small, steps=80, conservation=mode)
        energy = pinn.solve(problem, recipe=recipe, progress=False).charges(times)["energy"]
        return np.max(np.abs(energy - anchor(problem).charges["energy"]))

    assert gap("augmented") < 0.5 * gap("penalty")


def test_a_ramp_is_a_number_of_steps():
    with pytest.raises(RecipeError, match="ramp of ≥ 0 steps, got -1"):
        pinn.Penalty(ramp=-1)
