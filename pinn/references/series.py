"""What is done to the coefficients of space series: derivatives, and how far they have fallen."""

from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.spectral import AbstractBasis, Fourier, Grid


def degrees(basis: AbstractBasis) -> np.ndarray:
    """Return the wavenumber or polynomial degree of each function of a basis."""
    if not isinstance(basis, Fourier):
        return np.arange(basis.count)
    pairs = np.arange(1, basis.count // 2 + 1)
    return np.concatenate([[0], pairs, pairs])


def harmonics(values: Array, axis: int) -> Array:
    """Return the coefficients of 1, cosines and sines from values at a circle's nodes.

    By a fast transform: the matrix of thousands of nodes is hundreds of megabytes.
    """
    spectrum = jnp.moveaxis(jnp.fft.rfft(values, axis=axis), axis, 0) / values.shape[axis]
    waves = 2.0 * spectrum[1:]
    series = jnp.concatenate([spectrum[:1].real, waves.real, -waves.imag])
    return jnp.moveaxis(series, 0, axis)


def space_tail(grid: Grid, values: np.ndarray, parts: Iterable[slice]) -> list[float]:
    """Return, by coordinate, the last tenth of the coefficients relative to the largest.

    Args:
        grid: the bases.
        values: coefficients of shape (times, components, *modes).
        parts: the components of each quantity, which share one size.
    """
    amounts = [np.max(np.abs(values[:, part]), axis=(0, 1)) for part in parts]
    floor = 1e-3 * max(np.max(a) for a in amounts) + 1e-300
    relative = np.max([a / max(np.max(a), floor) for a in amounts], axis=0)
    tails = []
    for axis, basis in enumerate(grid.bases):
        degree = degrees(basis)
        high = np.nonzero(degree > 0.9 * degree.max())[0]
        tails.append(float(np.nan_to_num(np.max(np.take(relative, high, axis)), nan=1.0)))
    return tails


def chopped(values: np.ndarray) -> np.ndarray:
    """Return coefficients without those below rounding, which derivatives would amplify.

    Args:
        values: of shape (degrees in time, components, *modes).
    """
    sizes = np.max(np.abs(values), axis=(0, *range(2, values.ndim)), keepdims=True)
    return np.where(np.abs(values) < 1e-16 * sizes, 0.0, values)


def differentiated(grid: Grid, series: Array, orders: tuple[int, ...], first: int) -> Array:
    """Return the coefficients of a derivative; the modes start at axis `first`."""
    for axis, (basis, order) in enumerate(zip(grid.bases, orders, strict=True)):
        for _ in range(order):
            series = _derivative(basis, series, first + axis)
    return series


def _derivative(basis: AbstractBasis, series: Array, axis: int) -> Array:
    series = jnp.moveaxis(series, axis, -1)
    if isinstance(basis, Fourier):
        half = basis.count // 2
        wave = jnp.asarray(basis.wavenumbers, series.dtype)
        wave = wave.reshape((1,) * (series.ndim - 1) + (-1,))
        cosines, sines = series[..., 1 : half + 1], series[..., half + 1 :]
        none = jnp.zeros_like(series[..., :1])
        series = jnp.concatenate([none, wave * sines, -wave * cosines], axis=-1)
    else:
        matrix = jnp.asarray(basis.derivative, series.dtype)
        series = jnp.tensordot(series, matrix, axes=(series.ndim - 1, 1))
    return jnp.moveaxis(series, -1, axis)


def padded(old: Grid, new: Grid, series: np.ndarray, first: int) -> np.ndarray:
    """Return the same series with more coefficients; the modes start at axis `first`."""
    for axis, (few, many) in enumerate(zip(old.bases, new.bases, strict=True)):
        position = np.arange(few.count)
        if isinstance(few, Fourier):  # the sines move up
            position[few.count // 2 + 1 :] += many.count // 2 - few.count // 2
        turned = np.moveaxis(series, first + axis, 0)
        longer = np.zeros((many.count, *turned.shape[1:]))
        longer[position] = turned
        series = np.moveaxis(longer, 0, first + axis)
    return series
