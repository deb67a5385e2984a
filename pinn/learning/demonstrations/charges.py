"""Charges of a network over its training, beside the exact laws of optimisers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array

from pinn.learning.charges import Charges, conserved
from pinn.learning.demonstrations.demonstration import Curve, Demonstration, numbers
from pinn.learning.dynamics import gradient_flow, kinetic_balance
from pinn.learning.flat import flat_model, flat_of
from pinn.learning.monitor import Monitor, monitor
from pinn.learning.rules import LearningRule
from pinn.precision import arithmetic

TITLE = "What do optimisers make of the quantities that gradient flow conserves?"
SAMPLES, STEPS = 32, 100
RATES = (0.1, 0.05)
AXES = ("step", "charge less its start")


def run(seed: int) -> Demonstration:
    """Train one network by several rules, and watch its charges."""
    with arithmetic("float64"), jax.numpy_dtype_promotion("standard"):
        draw = np.random.default_rng(seed)
        inputs = jnp.asarray(draw.normal(size=(SAMPLES, 3)))
        targets = jnp.sin(inputs[:, :2])
        loss = lambda outputs: jnp.mean((outputs - targets) ** 2)  # noqa: E731
        slope = nnx.jit(nnx.grad(lambda model: loss(model(inputs))))
        charges = conserved(_rectified(seed))
        rows, curves = [], []
        for name, optimiser in _rules().items():
            watched = _trained(_rectified(seed), optimiser, charges, slope)
            rows.append(_row(name, watched))
            if name in ("descent", "momentum", "Adam"):
                curves += _curves(name, watched)
        rows += _flows(seed, inputs, loss, charges)
        notes = [f"The network has {charges.exact} exact charges of {charges.possible} possible."]
        notes.append(_kinetic(seed, inputs, loss, charges))
        rate, said = _effective(seed, slope)
        return Demonstration(TITLE, tuple(rows), (*notes, said), (*curves, *rate))


def _linear(inputs: int, outputs: int, seed: int, bias: bool = True) -> nnx.Linear:
    options: Any = {"param_dtype": jnp.float64, "rngs": nnx.Rngs(seed), "use_bias": bias}
    return nnx.Linear(inputs, outputs, **options)


def _rectified(seed: int) -> nnx.Module:
    return nnx.Sequential(_linear(3, 8, seed), nnx.relu, _linear(8, 2, seed + 1))


def _normalised(seed: int) -> nnx.Module:
    norm = nnx.LayerNorm(
        8, epsilon=0.0, use_scale=False, use_bias=False, param_dtype=jnp.float64, rngs=nnx.Rngs(0)
    )
    first = _linear(3, 8, seed, bias=False)
    return nnx.Sequential(first, norm, jnp.tanh, _linear(8, 2, seed + 1))


def _rules() -> dict[str, Any]:
    return {
        "descent": optax.sgd(0.05),
        "weight decay": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.05)),
        "momentum": optax.sgd(0.05, momentum=0.9),
        "momentum, weight decay, dampening": LearningRule(0.05, 0.8, 0.1, 0.3),
        "Adam": optax.adam(0.05),
    }


def _trained(model: nnx.Module, optimiser: Any, charges: Charges, slope: Any) -> Monitor:
    watched = monitor(optimiser, charges)
    for _ in range(STEPS):
        watched.update(model, slope(model))
    return watched


def _row(name: str, watched: Monitor) -> dict[str, Any]:
    return {
        "rule": name,
        "drift of the charges": float(np.abs(watched.drift).max()),
        "gap to the law": float(np.abs(watched.gap).max()),
    }


def _curves(name: str, watched: Monitor) -> list[Curve]:
    law = watched.prediction[:, 0] - watched.charge[0, 0]
    steps = numbers(range(len(law)))
    panel = "one charge, its law dotted"
    return [
        Curve(panel, name, steps, numbers(watched.drift[:, 0]), AXES),
        Curve(panel, f"{name}, law", steps, numbers(law), AXES, law=True),
    ]


def _flows(seed: int, inputs: Array, loss: Any, charges: Charges) -> list[dict[str, Any]]:
    """Return the drift under gradient flow by an integrator of order 5, at two step lengths."""
    flat = flat_model(_rectified(seed), inputs, loss)
    cost = lambda p: flat.cost(p, inputs, jnp.zeros(()))  # noqa: E731
    start, times, found = jnp.asarray(flat_of(_rectified(seed))), np.array([0.0, 5.0]), []
    for steps in (50, 100):
        end = np.asarray(gradient_flow(cost, start, times, steps=steps)[-1])
        drift = [abs(s.charge(end) - s.charge(np.asarray(start))) for s in charges.symmetries]
        rule = f"gradient flow, order 5, {steps} steps"
        found.append(
            {"rule": rule, "drift of the charges": float(max(drift)), "gap to the law": ""}
        )
    return found


def _kinetic(seed: int, inputs: Array, loss: Any, charges: Charges) -> str:
    flat = flat_model(_rectified(seed), inputs, loss)
    cost = lambda p: flat.cost(p, inputs, jnp.zeros(()))  # noqa: E731
    start = jnp.asarray(flat_of(_rectified(seed)))
    law = kinetic_balance(
        cost,
        charges.symmetries,
        LearningRule(0.05, 0.9),
        start,
        jnp.zeros_like(start),
        np.linspace(0.0, 1.0, 5),
        steps=1000,
    )
    return (
        f"Kinetic symmetry breaking accounts for a momentum of {np.abs(law.momentum).max():.2e} to "
        f"{np.abs(law.gap).max():.1e}."
    )


def _effective(seed: int, slope: Any) -> tuple[list[Curve], str]:
    """Return the effective rate of a normalised layer, as it was and as the law has it."""
    model = _normalised(seed)
    charges = conserved(model)
    scale = [s.kind for s in charges.symmetries].index("scale")
    rates = _trained(model, optax.sgd(0.5), charges, slope).effective_rate(scale)
    steps, axes = numbers(range(len(rates))), ("step", "η/‖θ‖²")
    panel, worst = "effective rate of a normalised layer", np.abs(rates[:, 0] / rates[:, 1] - 1)
    curves = [
        Curve(panel, label, steps, numbers(rates[:, place]), axes, law=place == 1)
        for place, label in enumerate(("measured", "predicted"))
    ]
    said = (
        f"The effective rate of a normalised layer falls from {rates[0, 0]:.4f} to "
        f"{rates[-1, 0]:.4f}, as predicted to {worst.max():.1e}."
    )
    return curves, said
