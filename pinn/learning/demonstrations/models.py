"""Small networks of the demonstrations."""

from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class Perceptron(nnx.Module):
    """Two hidden layers of tanh; `step` adds its input, for the next state from a state."""

    def __init__(self, inputs: int, outputs: int, width: int, *, step: bool, rngs: nnx.Rngs):
        sizes = (inputs, width, width)
        self.hidden = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(sizes)])
        self.last = nnx.Linear(width, outputs, rngs=rngs)
        self.adds = step

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch outputs"]:
        """Evaluate a batch."""
        h = x
        for layer in self.hidden:
            h = jnp.tanh(layer(h))
        return x + self.last(h) if self.adds else self.last(h)


class FramePredictor(nnx.Module):
    """The next picture from the last two, through a hidden state of a few numbers.

    A state is the two pictures as channels, and so is the prediction: the newer one moves up.
    """

    def __init__(self, size: int, hidden: int, *, channels: int = 8, rngs: nnx.Rngs):
        self.conv = nnx.Conv(2, channels, (3, 3), strides=2, rngs=rngs)
        self.scale = nnx.Param(jnp.ones(channels))
        self.offset = nnx.Param(jnp.zeros(channels))
        self.down = nnx.Linear(channels * (size // 2) ** 2, hidden, rngs=rngs)
        self.middle = nnx.Linear(hidden, hidden, rngs=rngs)
        self.up = nnx.Linear(hidden, size**2, rngs=rngs)

    def encode(self, frames: Float[Array, "batch size size 2"]) -> Float[Array, "batch hidden"]:
        """Return the hidden state."""
        h = jax.nn.silu(self.scale[...] * self.conv(frames) + self.offset[...])
        return jnp.tanh(self.down(h.reshape(len(h), -1)))

    def __call__(
        self, frames: Float[Array, "batch size size 2"]
    ) -> Float[Array, "batch size size 2"]:
        """Return the newer picture and the next one."""
        h = self.encode(frames)
        size = frames.shape[1]
        following = jax.nn.sigmoid(self.up(h + jnp.tanh(self.middle(h))))
        return jnp.stack([frames[..., 1], following.reshape(-1, size, size)], axis=-1)


class LatentPredictor(nnx.Module):
    """The next pictures from the last two, all through a hidden state that it steps in time.

    What is not in the hidden state of a few numbers cannot reach the pictures: to predict one, the
    next place is enough, and to predict many, the velocity has to be there.
    """

    def __init__(self, size: int, hidden: int, ahead: int, *, rngs: nnx.Rngs):
        channels, wide = 8, 64
        self.conv = nnx.Conv(2, channels, (3, 3), strides=2, rngs=rngs)
        self.down = nnx.Linear(channels * (size // 2) ** 2, wide, rngs=rngs)
        self.state = nnx.Linear(wide, hidden, rngs=rngs)
        self.turn = nnx.Linear(hidden, wide, rngs=rngs)
        self.step = nnx.Linear(wide, hidden, rngs=rngs)
        self.up = nnx.Linear(hidden, wide, rngs=rngs)
        self.paint = nnx.Linear(wide, size**2, rngs=rngs)
        self.ahead = ahead

    def encode(self, frames: Float[Array, "batch size size 2"]) -> Float[Array, "batch hidden"]:
        """Return the hidden state."""
        h = jax.nn.silu(self.conv(frames))
        return self.state(jax.nn.silu(self.down(h.reshape(len(h), -1))))

    def __call__(
        self, frames: Float[Array, "batch size size 2"]
    ) -> Float[Array, "batch ahead size size"]:
        """Return the pictures to come."""
        h, found = self.encode(frames), []
        for _ in range(self.ahead):
            h = h + self.step(jnp.tanh(self.turn(h)))
            found.append(jax.nn.sigmoid(self.paint(jax.nn.silu(self.up(h)))))
        return jnp.stack(found, axis=1).reshape(len(h), -1, *frames.shape[1:3])


def pairs(
    frames: Float[Array, "films times size size"],
) -> Float[Array, "films times_less_one size size 2"]:
    """Return all states, each two pictures that follow each other."""
    return jnp.stack([frames[:, :-1], frames[:, 1:]], axis=-1)
