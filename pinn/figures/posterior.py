"""The figure of a posterior: a corner of the constants, and bands of unknown functions."""

from typing import Any

import numpy as np
from scipy.stats import norm

from pinn.figures.style import COLOURS, need

# Of so many constants pairs are drawn; of more, the ones with the largest relative deviation.
MOST, SIZE, PLACES = 6, 1.9, 200
# Ellipses that hold 68 and 95 per cent of a normal pair.
RADII = (1.515, 2.448)


def posterior_figure(posterior: Any) -> Any:
    """Return the figure: each constant's density, each pair's ellipses, each function's band.

    Densities and ellipses are those of the normal approximation; the points are draws, which
    respect the bounds. Shaded on the diagonal is the 95 % interval.

    Raises:
        PinnError: matplotlib is not installed.
    """
    need("matplotlib", "plot")
    from matplotlib.figure import Figure

    chosen, functions = _chosen(posterior), _functions(posterior)
    rows = len(chosen) + len(functions)
    width = max(len(chosen), 2)
    size = (SIZE * width + 1.0, SIZE * max(rows, 2) + 0.6)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    grid = figure.add_gridspec(max(rows, 1), width)
    draws = _draws(posterior)
    for row, one in enumerate(chosen):
        for column, other in enumerate(chosen[: row + 1]):
            axes = figure.add_subplot(grid[row, column])
            if row == column:
                _density(axes, posterior, one)
            else:
                _pair(axes, posterior, draws, other, one)
            axes.tick_params(labelsize=6)
            axes.set_xlabel(posterior.names[other] if row == len(chosen) - 1 else "", fontsize=8)
            axes.set_ylabel(posterior.names[one] if not column and row else "", fontsize=8)
    for row, name in enumerate(functions, start=len(chosen)):
        _band(figure.add_subplot(grid[row, :]), posterior, name)
    figure.suptitle(f"unknowns of {posterior.vector.problem.name}", fontsize=10)
    return figure


def _chosen(posterior: Any) -> list[int]:
    """Return which numbers are drawn: those of constants and initial values."""
    values, deviation = _centre(posterior), np.sqrt(np.diag(posterior.covariance))
    every = np.flatnonzero(posterior.vector.constants)
    share = deviation[every] / np.maximum(np.abs(values[every]), deviation[every])
    kept = every[np.argsort(-share, kind="stable")[:MOST]]
    return sorted(int(i) for i in kept)


def _functions(posterior: Any) -> list[str]:
    """Return the unknown functions of one coordinate or number."""
    series = {p.name: p.series for p in posterior.vector.parts if p.series is not None}
    return [n for n, s in series.items() if len(s.bases) == 1 and not s.outputs]


def _centre(posterior: Any) -> np.ndarray:
    return np.concatenate([np.ravel(v) for v in _numbers(posterior).values()])


def _numbers(posterior: Any) -> dict[str, Any]:
    import jax.numpy as jnp

    from pinn.precision import arithmetic

    with arithmetic("float64"):
        return {
            name: np.asarray(value)
            for name, value in posterior.vector.numbers(jnp.asarray(posterior.fit.z)).items()
        }


def _draws(posterior: Any) -> np.ndarray:
    """Return draws of every number, one column each."""
    found = posterior.sample(300, seed=0)
    return np.concatenate([v.reshape(len(v), -1) for v in found.values()], axis=1)


def _density(axes: Any, posterior: Any, index: int) -> None:
    mean, deviation = _centre(posterior)[index], np.sqrt(posterior.covariance[index, index])
    x = mean + deviation * np.linspace(-4.0, 4.0, PLACES)
    density = norm.pdf(x, mean, deviation)
    axes.plot(x, density, color=COLOURS[0], lw=1.5)
    inside = np.abs(x - mean) < 1.96 * deviation
    axes.fill_between(x[inside], density[inside], color=COLOURS[0], alpha=0.25, lw=0.0)
    axes.set_title(f"{posterior.names[index]} = {mean:.4g} ± {deviation:.1g}", fontsize=7)
    axes.set_yticks([])


def _pair(axes: Any, posterior: Any, draws: np.ndarray, first: int, second: int) -> None:
    axes.plot(draws[:, first], draws[:, second], ".", color=COLOURS[1], ms=1.5, alpha=0.5)
    centre, both = _centre(posterior)[[first, second]], [first, second]
    root = np.linalg.cholesky(posterior.covariance[np.ix_(both, both)])
    angle = np.linspace(0.0, 2.0 * np.pi, PLACES)
    for radius in RADII:
        ellipse = centre[:, None] + radius * root @ np.stack([np.cos(angle), np.sin(angle)])
        axes.plot(*ellipse, color=COLOURS[0], lw=1.0)


def _band(axes: Any, posterior: Any, name: str) -> None:
    """Draw an unknown function of one number with its 95 % band."""
    (series,) = (p.series for p in posterior.vector.parts if p.name == name)
    basis = series.bases[0]
    x = np.linspace(basis.lower, basis.upper, PLACES)
    mean, deviation = posterior.band(name, x)
    axes.plot(x, mean, color=COLOURS[0], lw=1.5)
    low, high = mean - 1.96 * deviation, mean + 1.96 * deviation
    axes.fill_between(x, low, high, color=COLOURS[0], alpha=0.25, lw=0.0)
    axes.set(ylabel=name)
    axes.tick_params(labelsize=7)
