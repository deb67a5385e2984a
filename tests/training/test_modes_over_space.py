"""Modes of conservation over space: a weight for each charge, ramps and multipliers."""

import jax
import jax.numpy as jnp
import numpy as np

import pinn
from pinn.training.loop import advance, begin
from pinn.training.machinery import machinery

SMALL = {
    "network": pinn.Separable(times=3, waves=6),
    "windows": pinn.Uniform(1),
    "points": 64,
    "modes": 11,
    "slices": 4,
}


def wave():
    return pinn.get("kdv", delta=0.3, end=0.1)


def opened(conservation):
    """Return the parts, the first window, what is known of it, and its rows."""
    parts = machinery(wave(), pinn.Recipe(conservation=conservation, **SMALL))
    stage = parts.open(parts.first_front(0), jnp.asarray(parts.span.length))
    known = jax.jit(parts.prepare)(stage)
    return parts, stage, known, parts.objective(stage, known)


def missed(conservation, steps=60):
    """Return what the rows of the laws miss after some steps, one line a charge."""
    parts, stage, known, objective = opened(conservation)
    count = parts.multiplier_count(stage)
    loop = begin(parts.recipe.step, parts.fresh(0), count)
    train = jax.jit(lambda loop: advance(parts.recipe.step, objective, loop, 0.0, steps, steps))
    laws = parts._rows(stage, parts._law_plan(stage, known["scales"]), known["laws"])
    jets = laws.jets(train(loop).parameters)
    values = [b.misses(jax.vmap(b.values)(jets)) for b in laws.blocks]
    return {block.name: np.abs(v).max() for block, v in zip(laws.blocks, values, strict=True)}


def test_each_charge_has_a_weight_of_its_own():
    parts, stage, known, _ = opened({"mass": 4.0, "energy": "off"})
    plan = parts._law_plan(stage, known["scales"])
    weights = {block.name: block.weight for block in plan.blocks}
    assert weights == {"mass": 4.0, "momentum": 0.01, "energy": 0.0}


def test_without_weights_there_are_no_rows():
    parts, stage, _, objective = opened("off")
    assert objective.rows(parts.fresh(0)).size == 64
    assert objective.multiplier_count == 0 == parts.multiplier_count(stage)


def test_a_ramp_raises_the_weight_step_by_step():
    parts, _, _, objective = opened(pinn.Penalty(1.0, ramp=10))
    assert objective.ramp == 10
    parameters = parts.fresh(0) + 0.1
    sizes = [
        jnp.sum(objective.during(jnp.asarray(n), jnp.zeros(0)).rows(parameters)[64:] ** 2)
        for n in (0, 5, 10, 20)
    ]
    np.testing.assert_allclose(sizes, sizes[-1] * np.array([0.0, 0.5, 1.0, 1.0]), rtol=1e-12)


def test_multipliers_bring_the_charges_nearer_than_the_same_weight_alone():
    weak, held = missed(pinn.Penalty(1.0)), missed(pinn.Augmented(1.0))
    parts, stage, _, objective = opened(pinn.Augmented(1.0))
    assert parts.multiplier_count(stage) == objective.multiplier_count == 3 * 4
    assert max(held.values()) < 0.8 * max(weak.values())
