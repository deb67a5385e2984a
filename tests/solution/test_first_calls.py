"""A loaded solver whose very first call is inside a transformation of JAX.

Each load builds the problem anew, so that nothing of it has been computed before.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn

SMALL = pinn.Network(width=4, depth=1, spread=1.0, harmonics=1)
IN_TIME = {"network": pinn.Network(width=4), "windows": pinn.Uniform(2), "steps": 2, "points": 8}
LINEAR = {"network": pinn.Separable(times=2, waves=3), "windows": pinn.Uniform(2), "steps": 1}
CASES = {
    "exact": (lambda: pinn.get("damped_oscillator", end=0.3), {**IN_TIME, "conservation": "exact"}),
    "between walls": (lambda: pinn.get("heat", end=0.02), LINEAR),
    "totals": (lambda: pinn.get("kdv", end=0.01), {**LINEAR, "conservation": "exact"}),
    "at rest": (lambda: pinn.get("poisson"), {"network": SMALL, "points": 64, "steps": 1}),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Callable[[str], Path]:
    """Return the run of a case, which is trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")

    def run(case: str) -> Path:
        if not (folder / case).exists():
            build, recipe = CASES[case]
            solution = pinn.solve(build(), recipe=pinn.Recipe(**recipe), progress=False)
            solution.save(folder / case)
        return folder / case

    return run


def stepped(function, t):
    """Evaluate inside the vector field of a differential equation."""
    term = diffrax.ODETerm(lambda s, y, args: function(s) + 0.0 * y)
    found = diffrax.diffeqsolve(term, diffrax.Euler(), t, t + 1e-3, 1e-3, jnp.zeros_like(t))
    assert found.ys is not None
    return found.ys[-1] / 1e-3


TRANSFORMED = {
    "jit": lambda f, t: jax.jit(f)(t),
    "vmap": lambda f, t: jax.vmap(f)(jnp.stack([t, t]))[0],
    "jvp": lambda f, t: jax.jvp(f, (t,), (jnp.ones_like(t),))[0],
    "grad": lambda f, t: jax.value_and_grad(f)(t)[0],
    "jacfwd": lambda f, t: jax.jacfwd(lambda s: (f(s), f(s)), has_aux=True)(t)[1],
    "scan": lambda f, t: jax.lax.scan(lambda c, _: (c, f(t)), 0.0, jnp.arange(2))[1][0],
    "nested": lambda f, t: jax.jit(jax.vmap(jax.value_and_grad(f)))(jnp.stack([t, t]))[0][1],
    "equation": stepped,
}


def calls(solution: pinn.Solution) -> dict:
    """Return each way to ask a solution something, as a function of its first coordinate."""
    problem = solution.problem
    field, (first, *rest) = next(iter(problem.fields)), problem.axes
    middle = [0.5 * (problem.axes[c].lower + problem.axes[c].upper) for c in rest]
    rate = f"{field}_{first}"
    found = {
        "call": lambda t: solution(t, *middle)[field],
        "jet": lambda t: solution.jet(t, *middle, entries=(rate,))[rate],
        "evaluate": lambda t: solution.evaluate(lambda j: j[field] * j[rate], t, *middle),
    }
    if problem.stationary:
        total = lambda t: sum(map(jnp.sum, solution.charges().values())) + 0.0 * t  # noqa: E731
    else:
        total = lambda t: sum(solution.charges(t).values())  # noqa: E731
    return {**found, "charges": total}


ASKED = ("call", "jet", "evaluate", "charges")
# Every case and every question meet two transformations, of which each is inside a trace.
PAIRS = [
    ([*CASES][k % 4], ASKED[(k % 4 + k // 4) % 4], transform)
    for k, transform in enumerate(TRANSFORMED)
]


@pytest.mark.parametrize(("case", "asked", "transform"), PAIRS)
def test_the_first_call_may_be_inside_any_transformation(saved, case, asked, transform):
    axis = next(iter(CASES[case][0]().axes.values()))
    at = jnp.asarray(axis.lower + 0.4 * axis.length)
    solution = pinn.load(saved(case))
    inside = TRANSFORMED[transform](calls(solution)[asked], at)
    afterwards = np.asarray(calls(solution)[asked](float(at)))
    scale = 1e-12 + np.max(np.abs(afterwards))
    np.testing.assert_allclose(inside, afterwards, rtol=0.0, atol=1e-9 * scale)


FRESH = """
import sys
import jax, jax.numpy as jnp, numpy as np
import pinn

assert not jax.config.jax_enable_x64
for folder, field, at in zip(sys.argv[1:], ("x", "u"), ((0.004,), (0.004, 0.3))):
    for ask in (lambda s, t: s(t, *at[1:])[field], lambda s, t: s.charges(t)["energy"]):
        solver = pinn.load(folder)
        inside = jax.jit(jax.vmap(lambda t: ask(solver, t)))(jnp.full(2, at[0]))
        scanned = jax.lax.scan(lambda c, _: (c, ask(solver, at[0])), 0, jnp.arange(2))[1]
        outside = ask(solver, at[0])
        assert outside.dtype == np.float64 and inside.dtype == jnp.float32
        size = abs(float(outside)) + 1e-3
        assert np.max(np.abs(inside - outside)) < 1e-4 * size, (folder, inside, outside)
        assert np.max(np.abs(scanned - outside)) < 1e-4 * size, (folder, scanned, outside)
"""


def test_in_a_fresh_process_in_single_precision(saved):
    folders = [str(saved(name)) for name in ("exact", "totals")]
    subprocess.run([sys.executable, "-c", FRESH, *folders], check=True)


def test_loading_is_refused_inside_a_trace(saved):
    folder = saved("exact")
    with pytest.raises(pinn.CheckpointError, match="load it outside"):
        jax.jit(lambda t: pinn.load(folder)(t)["x"])(0.1)
