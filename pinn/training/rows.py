"""The rows of a mechanics problem: its equation, and each charge in value form."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.jets import Jet
from pinn.networks.window import Window
from pinn.noether.charge import Charge
from pinn.problem.problem import Problem
from pinn.training.conservation import AbstractMode
from pinn.training.objective import Block

# A charge is smooth in a window that the network resolves, so a few slices hold it.
SLICE = 4


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stage:
    """A window to be trained, with what its rows are measured against.

    Args:
        window: where it is and how it starts.
        row_scale: the size of each component of the equation, mass · field scale / hⁿ.
        targets: what each charge should be at the window's start: its value at the very beginning
            of the problem, plus all that its sources have added since, as far as can be asked.
        places: over space, the collocation points of each slice of time.
    """

    window: Window
    row_scale: Float[Array, " equations"]
    targets: Mapping[str, Array]
    places: Float[Array, "slices nodes dimensions"] | None = None


def unit_of(problem: Problem, window: Window, name: str) -> Array:
    """Return the size of an entry: the field's scale over the units of its coordinates.

    The unit of time is the window's length, those of space the half axes.
    """
    space, entry = problem.space, problem.space.parse(name)
    unit = window.scale[entry.field]
    for c, order in zip(space.coordinates, entry.orders, strict=True):
        length = 0.5 * problem.extent[c].length if c in problem.extent else window.length
        unit = unit / length**order
    return unit


@dataclass(frozen=True)
class Nodes:
    """Points on [0, 1] with quadrature weights and running integrals ∫₀^point."""

    points: np.ndarray
    weights: np.ndarray
    running: np.ndarray

    @classmethod
    def gauss_legendre(cls, count: int) -> "Nodes":
        """Return `count` points inside; `running` is exact to degree count − 1."""
        return cls._through(np.polynomial.legendre.leggauss(count)[0])

    @classmethod
    def radau(cls, count: int) -> "Nodes":
        """Return `count` points, the last at the end: the zeros of P_count − P_{count−1}."""
        difference = np.zeros(count + 1)
        difference[-2:] = -1.0, 1.0
        x = np.sort(np.polynomial.legendre.legroots(difference).real)
        return cls._through(np.append(x[:-1], 1.0))

    @classmethod
    def _through(cls, x: np.ndarray) -> "Nodes":
        count = x.size
        legendre = np.polynomial.legendre.legvander(x, count)
        coefficients = np.linalg.inv(legendre[:, :count])
        degrees = np.arange(1, count)
        rising = np.empty((count, count))
        rising[:, 0] = x + 1.0
        # ∫₋₁ˣ P_n = (P_{n+1} − P_{n−1}) / (2n + 1)
        rising[:, 1:] = (legendre[:, degrees + 1] - legendre[:, degrees - 1]) / (2 * degrees + 1)
        return cls(0.5 * (x + 1.0), coefficients[0], 0.5 * rising @ coefficients)


def equation_block(problem: Problem, stage: Stage) -> Block:
    """Return the rows residual / row_scale at the nodes."""
    residual = problem.dynamics.residual
    return Block("equation", lambda jet: residual(jet) / stage.row_scale, residual.size)


def charge_block(
    charge: Charge, stage: Stage, nodes: Nodes, scale: Array, mode: AbstractMode
) -> Block:
    """Return the rows (I(t) − I(start) − ∫ sources dt) / scale at every SLICE-th node.

    The value form accumulates the residual over time; the derivative form would only re-weight it,
    since dI/dt = Q·𝓔 + Δ. The running integral is spectral, on the Gauss–Legendre nodes.
    """
    slices = np.arange(SLICE - 1, nodes.points.size, SLICE)
    target = stage.targets[charge.name].ravel() / scale
    target = jnp.broadcast_to(target, (slices.size, target.size))
    size, source = target.shape[1], charge.source

    def density(jet: Jet) -> Array:
        return charge.density(jet).ravel() / scale

    if source is None:
        return Block(charge.name, density, size, lambda v: v[slices], target, *mode.emphasis)
    running = jnp.asarray(nodes.running[slices], target.dtype)

    def both(jet: Jet) -> Array:
        return jnp.concatenate([density(jet), stage.window.length / scale * source(jet).ravel()])

    def balance(values: Array) -> Array:
        return values[slices, :size] - running @ values[:, size:]

    return Block(charge.name, both, 2 * size, balance, target, *mode.emphasis)
