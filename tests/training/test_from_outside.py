"""A user's own step, windows, network, condition and observer, who imports what is public."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import pinn

TIMES = np.linspace(0.0, 0.5, 6)


@dataclass(frozen=True)
class Newton(pinn.AbstractStep):
    """Gauss–Newton with one damping, which falls where the loss did and rises where not."""

    damping: float = 1e-3

    def init(self, parameters):
        return jnp.asarray(self.damping, parameters.dtype)

    def step(self, objective, parameters, state):
        rows, jacobian = objective.linearise(parameters)
        normal = jacobian.T @ jacobian + state * jnp.eye(parameters.size, dtype=rows.dtype)
        tried = parameters - jnp.linalg.solve(normal, jacobian.T @ rows)
        before, after = 0.5 * jnp.sum(rows**2), objective.loss(tried)
        better = after < before
        moved = jnp.where(better, tried, parameters)
        damping = jnp.where(better, 0.1 * state, 10.0 * state)
        return pinn.StepResult(moved, damping, moved, jnp.minimum(before, after), ~better)


@dataclass(frozen=True)
class Descent(pinn.AbstractStep):
    """Steepest descent, each step as long as halving finds that it lowers the loss."""

    halvings: int = 30

    def init(self, parameters):
        return ()

    def step(self, objective, parameters, state):
        loss, gradient = jax.value_and_grad(objective.loss)(parameters)
        lengths = 4.0 * 0.5 ** jnp.arange(self.halvings, dtype=loss.dtype)
        tried = jax.vmap(lambda a: objective.loss(parameters - a * gradient))(lengths)
        best = jnp.argmin(tried)
        better = tried[best] < loss
        moved = jnp.where(better, parameters - lengths[best] * gradient, parameters)
        return pinn.StepResult(moved, state, moved, jnp.minimum(loss, tried[best]), ~better)


@dataclass(frozen=True)
class Geometric(pinn.AbstractWindows):
    """Each window is so many times as long as the one before."""

    ratio: float = 1.5
    share: float = 0.1

    def first(self, span, time_scale):
        return self.share * span

    def following(self, attempts, precision, before=None):
        return self.ratio * attempts[-1].length


@dataclass(frozen=True)
class Plain(pinn.AbstractNetwork):
    """Sees coordinates as they are, and has one hidden layer."""

    width: int = 16
    kept: bool = True

    def inputs(self, extent, timed):
        return len(extent) + timed

    def seen(self, extent, mirrors, point):
        ends = zip(extent.values(), point, strict=True)
        return jnp.stack([(2.0 * x - axis.lower - axis.upper) / axis.length for axis, x in ends])

    def fresh(self, extent, mirrors, timed, outputs, dtype, seed):
        rngs, dtype = nnx.Rngs(seed), dtype if self.kept else jnp.float32
        zero = nnx.initializers.zeros
        return nnx.Sequential(
            nnx.Linear(self.inputs(extent, timed), self.width, param_dtype=dtype, rngs=rngs),
            jnp.tanh,
            nnx.Linear(self.width, outputs, kernel_init=zero, param_dtype=dtype, rngs=rngs),
        )


@dataclass(frozen=True)
class Radiation(pinn.AbstractCondition):
    """u_x + ε u^power = g, with a coefficient of its own."""

    emissivity: float = 1.0
    power: int = 1

    def left_side(self, jet):
        return jet.u_x + self.emissivity * jet.u**self.power


def swing(**choices) -> pinn.Solution:
    brief = {"network": pinn.Network(width=10), "windows": pinn.Uniform(1), "points": 12}
    recipe = pinn.Recipe(**{**brief, **choices})
    return pinn.solve(pinn.get("pendulum", end=0.5), recipe=recipe, progress=False)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return np.asarray(pinn.reference(pinn.get("pendulum", end=0.5))(TIMES)["theta"])


@pytest.mark.parametrize(
    "step, steps, close",
    [
        (Newton(), 60, 1e-7),
        (Descent(), 200, 1e-2),
        (optax.lbfgs(), 200, 1e-3),
        (optax.chain(optax.clip(1.0), optax.adam(3e-2)), 300, 1e-2),
    ],
    ids=["newton", "descent", "lbfgs", "chain"],
)
def test_a_step_of_ones_own_trains(step, steps, close, truth):
    before = np.max(np.abs(np.asarray(swing(step=step, steps=1)(TIMES)["theta"]) - truth))
    error = np.max(np.abs(np.asarray(swing(step=step, steps=steps)(TIMES)["theta"]) - truth))
    assert error < close and error < before


def test_a_step_of_ones_own_is_saved_and_a_transformation_is_not(tmp_path):
    solution = swing(step=Newton(1e-2), steps=3)
    solution.save(tmp_path / "run")
    assert pinn.load(tmp_path / "run", trust=True).recipe.step == Newton(1e-2)
    with pytest.raises(pinn.CheckpointError, match=r"pinn\.Optax\('optax\.adam'"):
        swing(step=optax.adam(1e-2), steps=2).save(tmp_path / "other")


@dataclass(frozen=True)
class Wrong(Newton):
    fault: str = ""

    def step(self, objective, parameters, state):
        result = super().step(objective, parameters, state)
        return {
            "tuple": tuple(result),
            "shape": result._replace(parameters=result.parameters[:-1]),
            "state": result._replace(state=(state, state)),
            "type": result._replace(evaluated=result.evaluated.astype(jnp.float32)),
        }[self.fault]


@pytest.mark.parametrize(
    "fault, said",
    [
        ("tuple", r"Wrong returned tuple, expected pinn\.StepResult"),
        ("shape", r"returned parameters of float64\[\d+\], expected"),
        ("state", "returned state of"),
        ("type", r"returned evaluated of float32\[\d+\], expected float64"),
    ],
)
def test_a_step_that_returns_something_else_is_told(fault, said):
    with pytest.raises(pinn.RecipeError, match=said):
        swing(step=Wrong(fault=fault))


def test_windows_of_ones_own_are_as_long_as_they_say(truth):
    solution = swing(windows=Geometric(), steps=20)
    lengths = np.array([record.length for record in solution.march.records])
    np.testing.assert_allclose(lengths[:3], 0.05 * 1.5 ** np.arange(3), rtol=1e-12)
    assert sum(lengths) == pytest.approx(0.5, rel=1e-12)
    assert np.max(np.abs(np.asarray(solution(TIMES)["theta"]) - truth)) < 1e-7


def heat() -> pinn.Problem:
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.02), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx,
        initial={"u": lambda x: jnp.sin(jnp.pi * x)},
        boundary=[pinn.Dirichlet("u", "x")],
    )


def test_a_network_of_ones_own_sees_what_it_asks_for(truth):
    recipe = pinn.Recipe(network=Plain(), windows=pinn.Uniform(1), points=160, steps=25)
    solution = pinn.solve(heat(), recipe=recipe, progress=False)
    x = np.linspace(0.0, 1.0, 11)
    due = np.exp(-(np.pi**2) * 0.02) * np.sin(np.pi * x)
    assert np.max(np.abs(np.asarray(solution(0.02, x)["u"]) - due)) < 1e-4
    error = np.max(np.abs(np.asarray(swing(network=Plain(), steps=20)(TIMES)["theta"]) - truth))
    assert error < 1e-5


def test_a_network_of_another_precision_is_told():
    with pytest.raises(pinn.RecipeError, match=r"Plain has parameters of float32 .* param_dtype="):
        swing(network=Plain(kept=False))


def wall(emissivity: float, power: int) -> pinn.Problem:
    """u″ = 0 with u(0) = 1: u = 1 − s x, where s = ε (1 − s)^power."""
    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=lambda j: j.u_xx,
        boundary=[
            pinn.Dirichlet("u", "x", 1.0, None),
            Radiation("u", "x", None, 0.0, emissivity=emissivity, power=power),
        ],
    )


@pytest.mark.parametrize("power", [1, 4])
@pytest.mark.parametrize("emissivity", [0.5, 2.0])
def test_a_condition_keeps_its_own_coefficient_wherever_it_is_read(emissivity, power):
    problem = wall(emissivity, power)
    low, high = 0.0, 1.0
    for _ in range(60):
        s = 0.5 * (low + high)
        low, high = (s, high) if s < emissivity * (1.0 - s) ** power else (low, s)
    recipe = pinn.Recipe(network=pinn.Separable(waves=4))
    solution = pinn.solve(problem, recipe=recipe, progress=False)
    assert float(solution(1.0)["u"]) == pytest.approx(1.0 - s, abs=1e-10)
    assert solution.converged
    reference = pinn.reference(problem)
    assert float(reference(1.0)["u"]) == pytest.approx(1.0 - s, abs=1e-9)


def test_an_observer_sees_every_chunk():
    seen = []
    recipe = pinn.Recipe(network=pinn.Network(width=4), windows=pinn.Uniform(2), steps=6, chunk=2)
    solution = pinn.solve(
        pinn.get("pendulum", end=0.5), recipe=recipe, progress=False, observe=seen.append
    )
    steps = [int(march.loop.taken) for march in seen if march.loop is not None]
    assert {2, 4} <= {*steps}
    assert [march.reached for march in seen] == sorted(march.reached for march in seen)
    assert seen[-1].reached == solution.march.reached == 0.5


@pytest.mark.parametrize(
    "part, value, said",
    [
        ("step", jnp.tanh, r"step= takes pinn\.GaussNewton"),
        ("network", nnx.Linear, r"network= takes .* pinn\.Module\(build\)"),
        ("windows", 4, r"windows= takes pinn\.Uniform"),
    ],
)
def test_a_part_of_another_kind_is_refused(part, value, said):
    with pytest.raises(pinn.RecipeError, match=said):
        pinn.Recipe(**{part: value})


@dataclass(frozen=True)
class Lost(pinn.AbstractWindows):
    """A rule that forgets to say how long the next window is."""

    def first(self, span, time_scale):
        return 0.1

    def following(self, *given):
        return None


def test_a_rule_without_a_length_is_named():
    with pytest.raises(pinn.RecipeError, match=r"Lost gave the length None at 0\.1"):
        recipe = pinn.Recipe(windows=Lost())
        pinn.solve(pinn.get("harmonic_oscillator"), recipe=recipe, progress=False)
