"""A renderer of small moving discs, and the bodies that it shows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.learning.errors import LearningError


class Film(NamedTuple):
    """Bodies in motion, as they are and as a camera sees them.

    Args:
        frames: brightness from 0 to 1, films × times × height × width.
        positions: films × times × 2.
        velocities: films × times × 2.
        energy: films × times.
    """

    frames: Float[np.ndarray, "films times height width"]
    positions: Float[np.ndarray, "films times 2"]
    velocities: Float[np.ndarray, "films times 2"]
    energy: Float[np.ndarray, "films times"]


def render(
    positions: Float[ArrayLike, "*shape 2"], size: int = 16, radius: float = 0.25
) -> Float[Array, "*shape size size"]:
    """Return pictures of a disc at each position in the square [−1, 1]², y upwards.

    The edge is smooth over about a pixel, so that a picture tells the place to a fraction of one.

    Raises:
        LearningError: positions are not in the plane, or the picture has no size.
    """
    positions = jnp.asarray(positions)
    if positions.shape[-1:] != (2,):
        raise LearningError(f"A position has two coordinates last, got shape {positions.shape}.")
    if size < 2 or not radius > 0.0:
        raise LearningError(f"A picture needs size ≥ 2 and radius > 0, got {size} and {radius}.")
    pixel = 2.0 / size
    centres = -1.0 + pixel * (jnp.arange(size).astype(positions.dtype) + 0.5)
    lead = positions.shape[:-1]
    x = centres.reshape((1,) * (len(lead) + 1) + (size,))
    y = centres[::-1].reshape((1,) * len(lead) + (size, 1))
    squares = (x - positions[..., 0, None, None]) ** 2 + (y - positions[..., 1, None, None]) ** 2
    return jax.nn.sigmoid(2.0 * (radius - jnp.sqrt(squares)) / pixel)


def bouncing(
    films: int, times: int, *, size: int = 16, interval: float = 0.1, seed: int = 0
) -> Film:
    """Return films of a disc that flies freely between walls, from which it bounces."""
    _check(films, times, interval)
    random, room = np.random.default_rng(seed), 0.7
    start = random.uniform(-room, room, (films, 1, 2))
    speed = random.uniform(0.3, 1.5, (films, 1, 1))
    angle = random.uniform(0.0, 2.0 * np.pi, (films, 1, 1))
    velocity = speed * np.concatenate([np.cos(angle), np.sin(angle)], axis=-1)
    # Unfolded, the path is straight: a reflection is a fold.
    straight = start + velocity * interval * np.arange(times)[:, None]
    phase = np.mod(straight + room, 4.0 * room)
    positions = np.where(phase < 2.0 * room, phase - room, 3.0 * room - phase)
    velocities = np.where(phase < 2.0 * room, velocity, -velocity)
    energy = 0.5 * np.sum(velocities**2, axis=-1)
    frames = np.asarray(render(positions.astype(np.float32), size))
    return Film(frames, positions, velocities, energy)


def orbiting(
    films: int, times: int, *, size: int = 16, interval: float = 0.1, seed: int = 0
) -> Film:
    """Return films of a disc on a spring to the centre, whose orbits are ellipses."""
    _check(films, times, interval)
    random, frequency = np.random.default_rng(seed), 2.0
    first, second = random.uniform(-0.5, 0.5, (2, films, 1, 2))
    phase = frequency * interval * np.arange(times)[:, None]
    positions = first * np.cos(phase) + second * np.sin(phase)
    velocities = frequency * (second * np.cos(phase) - first * np.sin(phase))
    energy = 0.5 * np.sum(velocities**2 + frequency**2 * positions**2, axis=-1)
    frames = np.asarray(render(positions.astype(np.float32), size))
    return Film(frames, positions, velocities, energy)


def swinging(
    films: int, times: int, *, size: int = 16, interval: float = 0.15, seed: int = 0
) -> Film:
    """Return films of a pendulum's bob, θ'' = −sin θ, started at random angles and speeds."""
    _check(films, times, interval)
    random, substeps = np.random.default_rng(seed), 32
    angle, rate = random.uniform(-1.5, 1.5, films), random.uniform(-0.8, 0.8, films)
    h, states = interval / substeps, [(angle, rate)]
    for _ in range(times - 1):
        for _ in range(substeps):
            rate = rate - 0.5 * h * np.sin(angle)
            angle = angle + h * rate
            rate = rate - 0.5 * h * np.sin(angle)
        states.append((angle, rate))
    angles, rates = (np.stack(half, axis=1) for half in zip(*states, strict=True))
    positions = 0.7 * np.stack([np.sin(angles), -np.cos(angles)], axis=-1)
    velocities = 0.7 * rates[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    energy = 0.5 * rates**2 + 1.0 - np.cos(angles)
    return Film(
        np.asarray(render(positions.astype(np.float32), size)), positions, velocities, energy
    )


def _check(films: int, times: int, interval: float) -> None:
    if films < 1 or times < 2 or not interval > 0.0:
        raise LearningError(
            f"A film needs films ≥ 1, times ≥ 2 and interval > 0, got {films}, {times} and "
            f"{interval}."
        )
