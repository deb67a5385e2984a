"""Networks as a user writes them, who has read Flax's tutorial and nothing of this library."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx


class Residual(nnx.Module):
    """Blocks x + tanh(Wx + b), in Flax's own default precision."""

    def __init__(self, inputs: int, outputs: int, *, width: int = 12, rngs: nnx.Rngs):
        self.first = nnx.Linear(inputs, width, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(2)])
        self.last = nnx.Linear(width, outputs, rngs=rngs)

    def __call__(self, x):
        x = jnp.tanh(self.first(x))
        for block in self.blocks:
            x = x + jnp.tanh(block(x))
        return self.last(x)


class Fourier(nnx.Module):
    """Random frequencies that stay as they were drawn, and what is learned of their waves."""

    def __init__(self, inputs: int, outputs: int, rngs: nnx.Rngs):
        drawn = jax.random.normal(rngs.params(), (inputs, 8), jnp.float32)
        self.frequencies = nnx.Variable(0.5 * drawn)
        self.mix = nnx.Linear(16, 12, rngs=rngs)
        self.last = nnx.Linear(12, outputs, rngs=rngs)

    def __call__(self, x):
        angles = x @ self.frequencies[...]
        waves = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)])
        return self.last(jnp.tanh(self.mix(waves)))


def build(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Module:
    return Residual(inputs, outputs, rngs=rngs)


@dataclass(frozen=True)
class Wider:
    """A builder with a number of its own."""

    width: int = 20

    def __call__(self, inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Module:
        return Residual(inputs, outputs, width=self.width, rngs=rngs)


class Careless(nnx.Module):
    """What a network cannot be: `fault` says in which way."""

    def __init__(self, inputs: int, outputs: int, fault: str, rngs: nnx.Rngs):
        self.fault = fault
        wide = outputs + (fault == "shape")
        kind = jnp.float32 if fault == "precision" else None
        self.first = nnx.Linear(inputs, 4, dtype=kind, rngs=rngs)
        self.last = nnx.Linear(4, wide, rngs=rngs)
        if fault == "random":
            self.dropout = nnx.Dropout(0.1, rngs=rngs)
        if fault == "changing":
            self.calls = nnx.Variable(jnp.zeros(()))

    def __call__(self, x):
        if self.fault == "raises":
            return self.last(x @ jnp.ones((99, 4)))
        if self.fault == "changing":
            self.calls[...] = self.calls[...] + 1.0
        return self.last(jnp.tanh(self.first(x)).astype(jnp.float64))
