"""The Euler operator in weak form: is a function on jets a divergence along some axes?

E(f) ≡ 0 exactly when ∫ f is stationary at every function u under every v that vanishes at the
ends with its derivatives: ∫ Σ_J ∂f/∂u_J D_J v = 0. Tested at random functions whose derivatives are
known, by Gauss–Legendre quadrature, it needs no nested total derivative and compiles at once.

Source: Olver (1993), Theorem 4.7, doi:10.1007/978-1-4612-4350-2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import comb

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import Jet, JetFunction, JetSpace
from pinn.jets.calculus import stem
from pinn.problem.axes import Axis

NODES = {1: 40, 2: 24, 3: 14, 4: 12}
WAVES = 4


@dataclass(frozen=True)
class Samples:
    """Random functions u and test functions v at quadrature points.

    Args:
        jets: entries of u, of shape (samples, points, *entry's shape).
        tests: the same derivatives of v.
        weights: of each point.
    """

    jets: Mapping[str, np.ndarray]
    tests: Mapping[str, np.ndarray]
    weights: np.ndarray


def variations(function: JetFunction, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Return ∫ δf and ∫ |δf| of each sample, of shape (samples, *f's shape)."""
    space = function.space
    fixed = {n: v for n, v in samples.jets.items() if n not in samples.tests}
    moving = {n: samples.jets[n] for n in samples.tests}

    def integrate(fixed, moving, tests):
        def rate(fixed, moving, tests):
            return jax.jvp(lambda m: function(Jet(space, {**fixed, **m})), (moving,), (tests,))[1]

        rates = jax.vmap(rate)(fixed, moving, tests)
        weights = jnp.asarray(samples.weights, rates.dtype)
        add = lambda r: jnp.tensordot(weights, r, axes=1)  # noqa: E731
        return add(rates), add(jnp.abs(rates))

    if not moving:
        zero = np.zeros((len(next(iter(fixed.values()), [0])), *function.shape))
        return zero, zero
    every = jax.jit(lambda *a: jax.lax.map(lambda one: integrate(*one), a))
    total, size = every(*jax.tree.map(jnp.asarray, (fixed, moving, dict(samples.tests))))
    return np.asarray(total), np.asarray(size)


def random_functions(
    function: JetFunction,
    domain: Mapping[str, Axis],
    axes: tuple[str, ...],
    centre: Mapping[str, np.ndarray],
    seed: int,
    count: int,
) -> Samples:
    """Return random functions of the given axes, with independent u, u_t, … where t is no axis.

    Args:
        function: whose needs are the derivatives wanted.
        domain: every coordinate's extent.
        axes: along which functions vary; other coordinates get one random value a sample.
        centre: a typical value by stem, about which it varies; 0 ± 1 where left out.
        seed: of the random numbers.
        count: how many functions.
    """
    generator = np.random.default_rng(seed)
    entries = [n for n in function.needs if not function.space.is_coordinate(n)]
    split = {n: stem(function, n, axes) for n in entries}
    unit, widths, points, weights = _boxes(generator, domain, axes, count)
    jets = {
        c: points[..., axes.index(c)] if c in axes else _fixed(generator, domain[c], points)
        for c in function.space.coordinates
        if c in function.needs
    }
    power = 1 + max((above.count(c) for _, above in split.values() for c in axes), default=0)
    tests: dict[str, np.ndarray] = {}
    for name in sorted({root for root, _ in split.values()}):
        wave = Wave.random(generator, function.space, name, len(axes), centre, count)
        bump = Bump.random(generator, function.space, name, len(axes), power, count)
        for entry, (root, above) in split.items():
            if root == name:
                orders = [above.count(c) for c in axes]
                scale = reduce(np.multiply, [w**-n for w, n in zip(widths, orders, strict=True)])
                jets[entry] = scale * wave.derivative(unit, orders)
                tests[entry] = scale * bump.derivative(unit, orders)
    return Samples(jets, tests, weights)


def _boxes(generator, domain, axes, count):
    """Return nodes in [−1, 1]^d, half widths, the points of a random box a sample, and weights."""
    nodes, weight = np.polynomial.legendre.leggauss(NODES[len(axes)])
    unit = np.stack([a.ravel() for a in np.meshgrid(*[nodes] * len(axes), indexing="ij")], -1)
    weights = reduce(np.multiply.outer, [weight] * len(axes)).ravel()
    widths = [min(1.0, 0.5 * domain[c].length) for c in axes]
    low = np.array([domain[c].lower + w for c, w in zip(axes, widths, strict=True)])
    high = np.array([domain[c].upper - w for c, w in zip(axes, widths, strict=True)])
    centres = low + generator.uniform(size=(count, len(axes))) * (high - low)
    return unit, widths, centres[:, None] + unit[None] * np.array(widths)[None, None], weights


def _fixed(generator, axis: Axis, points: np.ndarray) -> np.ndarray:
    value = generator.uniform(axis.lower, axis.upper, (len(points), 1))
    return np.broadcast_to(value, points.shape[:2]).copy()


@dataclass(frozen=True)
class Wave:
    """c + Σ a sin(k·z + φ), component by component."""

    mean: np.ndarray
    size: np.ndarray
    waves: np.ndarray
    phases: np.ndarray

    @classmethod
    def random(cls, generator, space: JetSpace, name: str, dimensions: int, centre, count: int):
        """Return functions drawn at random, of a field's shape."""
        shape = space.shape(name)
        middle = np.broadcast_to(np.asarray(centre.get(name, 0.0), float), shape)
        largest = np.max(np.abs(middle), initial=0.0) or 1.0
        spread = np.where(middle == 0.0, largest, 0.5 * np.abs(middle)) / WAVES
        size = spread[None, None] * generator.uniform(0.3, 1.0, (count, WAVES, *shape))
        waves = generator.uniform(-1.2, 1.2, (count, WAVES, dimensions))
        means = np.broadcast_to(middle, (count, *shape))
        return cls(means, size, waves, generator.uniform(0.0, 6.3, (count, WAVES)))

    @classmethod
    def about(cls, generator, mean: np.ndarray, size: np.ndarray, dimensions: int) -> "Wave":
        """Return one function for each mean, with waves of up to a size."""
        count, shape = len(mean), mean.shape[1:]
        sizes = size[:, None] * generator.uniform(0.3, 1.0, (count, WAVES, *shape))
        waves = generator.uniform(-1.2, 1.2, (count, WAVES, dimensions))
        return cls(mean, sizes, waves, generator.uniform(0.0, 6.3, (count, WAVES)))

    def derivative(self, unit: np.ndarray, orders: list[int]) -> np.ndarray:
        """Return a derivative at points of [−1, 1]^d, of shape (functions, points, ...)."""
        turned = self.phases + 0.5 * np.pi * sum(orders)
        angle = np.einsum("pd,swd->spw", unit, self.waves) + turned[:, None]
        factor = np.prod(self.waves ** np.array(orders)[None, None], axis=-1)
        value = np.einsum("spw,sw,sw...->sp...", np.sin(angle), factor, self.size)
        return value if any(orders) else value + self.mean[:, None]


@dataclass(frozen=True)
class Bump:
    """a Π (1 − z²)^p sin(k z + φ), which vanishes at the ends with p − 1 derivatives.

    Random k and φ span no finite space, to which some polynomial would be orthogonal.
    """

    size: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    power: int

    @classmethod
    def random(cls, generator, space: JetSpace, name: str, dimensions: int, power: int, count: int):
        """Return functions drawn at random, of a field's shape."""
        size = generator.uniform(-1.0, 1.0, (count, *space.shape(name)))
        waves = generator.uniform(0.5, 3.0, (count, dimensions))
        return cls(size, waves, generator.uniform(0.0, 6.3, (count, dimensions)), power)

    def derivative(self, unit: np.ndarray, orders: list[int]) -> np.ndarray:
        """Return a derivative at points of [−1, 1]^d, of shape (functions, points, ...)."""
        base = np.polynomial.Polynomial([1.0, 0.0, -1.0]) ** self.power
        value = np.ones((len(self.size), len(unit)))
        for axis, order in enumerate(orders):
            z, k, phase = unit[:, axis], self.waves[:, axis], self.phases[:, axis]
            factor = np.zeros_like(value)
            for n in range(order + 1):  # Leibniz
                turned = np.multiply.outer(k, z) + (phase + 0.5 * np.pi * n)[:, None]
                weight = comb(order, n) * k[:, None] ** n
                factor += weight * base.deriv(order - n)(z)[None] * np.sin(turned)
            value = value * factor
        return np.einsum("sp,s...->sp...", value, self.size)
