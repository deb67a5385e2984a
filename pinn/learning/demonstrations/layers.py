"""The charges of back-propagation at every layer of networks that are not trained."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.learning.demonstrations.demonstration import Curve, Demonstration
from pinn.learning.groups import AbstractGroup, BiasShift, GeneralLinear, Rotation, Translation
from pinn.learning.layers import LayerInvariants, layer_invariants
from pinn.precision import arithmetic

TITLE = "What is the same at every layer of a network, and what spoils it?"
SIZE, WIDTH = 24, 3


class Convolutions(nnx.Module):
    """Three circular convolutions with tanh between them."""

    def __init__(self, dtype: Any, rngs: nnx.Rngs):
        make = lambda i, o: nnx.Conv(  # noqa: E731
            i, o, (3, 3), padding="CIRCULAR", param_dtype=dtype, rngs=rngs
        )
        self.layers = nnx.List([make(1, 4), make(4, 4), make(4, 1)])

    def __call__(self, x: Array) -> Array:
        """Evaluate a batch of pictures."""
        for layer in self.layers[:-1]:
            x = jnp.tanh(layer(x))
        return self.layers[-1](x)


class Residual(nnx.Module):
    """Three blocks x + b(tanh(a(x)))."""

    def __init__(self, rngs: nnx.Rngs):
        options: Any = {"param_dtype": jnp.float64, "rngs": rngs}
        self.a = nnx.List([nnx.Linear(WIDTH, 8, **options) for _ in range(3)])
        self.b = nnx.List([nnx.Linear(8, WIDTH, use_bias=False, **options) for _ in range(3)])

    def __call__(self, x: Array) -> Array:
        """Evaluate a batch of vectors."""
        for a, b in zip(self.a, self.b, strict=True):
            x = x + b(jnp.tanh(a(x)))
        return x


def run(seed: int) -> Demonstration:
    """Measure charges and their balance for several networks and groups."""
    rows, curves = [], []
    with arithmetic("float64"):
        for name, model, inputs, targets, group in _cases(seed):
            goal = jnp.asarray(targets, inputs.dtype)
            loss = lambda o, goal=goal: jnp.mean((o - goal) ** 2)  # noqa: E731
            found = layer_invariants(model, jnp.asarray(inputs), loss, group)
            rows.append(_row(name, group, found))
            curves += _curves(name, group, found)
    notes = (
        "Spread is what the charge changes by from layer to layer: round-off where layers carry "
        "the action on and pictures are smooth, what the grid aliases on noise, and what the "
        "parameters take up where they are not stationary.",
        f"The corrected balance holds to {max(row['balance'] for row in rows[:-1]):.1e} in float64 "
        "for every one of these untrained networks.",
    )
    return Demonstration(TITLE, tuple(rows), notes, tuple(curves))


def _cases(seed: int) -> list[tuple[str, nnx.Module, np.ndarray, np.ndarray, AbstractGroup]]:
    draw = np.random.default_rng(seed)
    angles = 2.0 * np.pi * np.arange(SIZE) / SIZE
    y, x = np.meshgrid(angles, angles, indexing="ij")
    smooth = 0.3 * np.stack([np.sin(x) + 0.3 * np.cos(y), np.cos(x + y)])[..., None]
    goal = np.stack([np.exp(np.cos(x - 1.0)) * np.sin(y), np.sin(2.0 * x + y)])[..., None]
    points = draw.normal(size=(16, WIDTH))
    rngs, shifts = nnx.Rngs(seed), Translation((0, 1))
    convolved, blocks = Convolutions(jnp.float64, rngs), Residual(rngs)
    single, coarse = Convolutions(jnp.float32, rngs), smooth.astype(np.float32)
    wanted = np.cos(2.0 * points)
    return [
        ("convolutions, smooth pictures", convolved, smooth, goal, shifts),
        ("convolutions, white noise", convolved, draw.normal(size=smooth.shape), goal, shifts),
        ("residual blocks", blocks, points, wanted, BiasShift()),
        ("residual blocks", blocks, points, wanted, Rotation(WIDTH)),
        ("residual blocks", blocks, points, wanted, GeneralLinear()),
        ("convolutions in float32", single, coarse, goal, shifts),
    ]


def _row(name: str, group: AbstractGroup, found: LayerInvariants) -> dict[str, Any]:
    return {
        "network": name,
        "group": type(group).__name__,
        "largest charge": float(np.abs(found.values).max()),
        "spread": float(found.spread),
        "correction": float(np.abs(found.corrections).max()),
        "balance": float(np.abs(found.balance).max()),
        "round-off of the sums": found.accuracy,
    }


def _curves(name: str, group: AbstractGroup, found: LayerInvariants) -> list[Curve]:
    places = tuple(range(len(found.states)))
    largest = np.argsort(-np.abs(found.values).max(0), kind="stable")[:2]
    axes = ("layer", "charge")
    panel = f"{name}: {type(group).__name__}"
    return [
        Curve(panel, found.components[c], places, tuple(map(float, found.values[:, c])), axes)
        for c in sorted(largest)
    ]
