"""An interrupted run goes on to the bits of one that was not."""

import warnings

import jax
import numpy as np
import pytest

import pinn
from pinn.outcome import IncompleteWarning

CASES = {
    # Chunks of 2 steps: the second interruption falls in the middle of a window.
    "Gauss–Newton, adaptive": pinn.Recipe(
        network=pinn.Network(width=10), points=12, windows=pinn.Adaptive(tolerance=1e-6), chunk=2
    ),
    "Adam, uniform": pinn.Recipe(
        network=pinn.Network(width=6),
        points=8,
        windows=pinn.Uniform(3),
        step=pinn.Optax("adam", {"learning_rate": 1e-2}),
        steps=40,
        chunk=7,
    ),
    "L-BFGS, uniform": pinn.Recipe(
        network=pinn.Network(width=6),
        points=8,
        windows=pinn.Uniform(3),
        step=pinn.Optax("lbfgs"),
        steps=10,
        chunk=4,
    ),
}


class Interrupt:
    """Raises what Ctrl-C raises, after a number of chunks once there is a window to keep."""

    def __init__(self, chunks):
        self.left = chunks

    def __call__(self, march):
        if march.windows:
            self.left -= 1
            if self.left <= 0:
                raise KeyboardInterrupt


@pytest.fixture(scope="module", params=CASES, ids=str)
def whole(request):
    """The uninterrupted run."""
    problem = pinn.get("damped_oscillator", gamma=0.3, end=3.0)
    recipe = CASES[request.param]
    return pinn.solve(problem, seed=3, recipe=recipe, progress=False)


def assert_same_bits(one, other):
    leaves, others = jax.tree.leaves(one.model), jax.tree.leaves(other.model)
    assert all(np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))
    assert one.march.records == other.march.records
    assert one.march.reached == other.march.reached and other.complete


def interrupted(whole, chunks):
    with pytest.warns(IncompleteWarning, match=r"interrupted at t = .* pinn\.resume goes on"):
        return pinn.solve(
            whole.problem,
            seed=whole.seed,
            recipe=whole.recipe,
            progress=False,
            observe=Interrupt(chunks),
        )


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_resumed_run_has_the_bits_of_the_whole_one(whole, chunks):
    part = interrupted(whole, chunks)
    assert not part.complete and 0.0 < part.reached < 3.0
    assert (part.march.stage is not None) == (chunks > 1)
    times = np.linspace(0.0, part.reached, 20, endpoint=False)
    np.testing.assert_array_equal(part(times)["x"], whole(times)["x"])
    assert_same_bits(whole, pinn.resume(part, progress=False))


def test_interrupted_after_every_chunk(whole):
    part = interrupted(whole, 1)
    interruptions = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteWarning)
        while part.march.windows != () and not part.complete:
            part = pinn.resume(part, progress=False, observe=Interrupt(1))
            interruptions += 1
            assert interruptions < 1000
    assert interruptions > 3
    assert_same_bits(whole, part)


def test_resuming_a_complete_run_changes_nothing(whole):
    again = pinn.resume(whole, progress=False)
    assert_same_bits(whole, again)
    assert again.seconds["training"] >= whole.seconds["training"]
