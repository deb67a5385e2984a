"""Random functions in what a problem reaches, on which a function on jets is integrated."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import qmc

from pinn.jets import Jet, JetFunction, JetSpace
from pinn.jets.calculus import stem
from pinn.noether.reach import Reach
from pinn.noether.rounding import MOVED, Defect, defect_of_integrals
from pinn.noether.sampling import LAYERS, sampled, size_of
from pinn.noether.variation import WAVES, Bump, Wave
from pinn.problem.problem import Problem
from pinn.problem.scan import places, scan

NODES = {1: (28, 40), 2: (18, 24), 3: (10, 14), 4: (8, 9)}
COUNTS = {1: 256, 2: 64, 3: 32, 4: 12}
NARROWEST = 1e-3
KEPT = 0.45

Fluxes = Mapping[str, JetFunction]


@dataclass(frozen=True, eq=False)
class RandomFunctions:
    """Functions u on boxes in the domain, each with a test function v of one component.

    Args:
        space: the jet space.
        axes: along which the functions vary.
        split: of each entry, the stem and the derivatives along the axes.
        fixed: the other coordinates, one value a function.
        centres: of the boxes, of shape (functions, axes).
        widths: half of the boxes' lengths.
        waves: u by stem.
        bumps: v by stem, zero but for one component of one stem.
    """

    space: JetSpace
    axes: tuple[str, ...]
    split: Mapping[str, tuple[str, str]]
    fixed: Mapping[str, np.ndarray]
    centres: np.ndarray
    widths: np.ndarray
    waves: Mapping[str, Wave]
    bumps: Mapping[str, Bump]

    @classmethod
    def draw(
        cls,
        problem: Problem,
        reach: Reach,
        function: JetFunction,
        axes: tuple[str, ...],
        seed: int = 0,
    ) -> "RandomFunctions":
        """Return functions whose values lie in the layers of `sampled`, of the data's slopes."""
        space, count = problem.space, COUNTS[len(axes)]
        generator = np.random.default_rng(seed)
        split = {n: stem(function, n, axes) for n in function.needs if not space.is_coordinate(n)}
        roots = sorted({root for root, _ in split.values()})
        widths, centres, points = _boxes(problem, reach, roots, axes, count, seed)
        means = sampled(problem, reach, roots, count, seed + 1)
        power = 1 + max((above.count(c) for _, above in split.values() for c in axes), default=0)
        waves, bumps = {}, {}
        chosen = _chosen(space, roots, count)
        for root in roots:
            bounds = _amplitudes(problem, reach, root, means[root], axes, widths)
            waves[root] = Wave.about(generator, means[root], bounds / WAVES, len(axes))
            bump = Bump.random(generator, space, root, len(axes), power, count)
            bumps[root] = Bump(chosen[root], bump.waves, bump.phases, power)
        fixed = {c: points[c] for c in space.coordinates if c not in axes}
        return cls(space, axes, split, fixed, centres, widths, waves, bumps)

    def inside(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
        """Return u and v at the nodes of two quadratures, and their weights on [−1, 1]^d."""
        unit, weights = _nodes(len(self.axes))
        return self._jets(unit), self._along(unit, self.bumps), weights

    def on_face(self, axis: int, end: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return u on one face of the boxes, and the finer quadrature's weights there."""
        unit, weights = _nodes(len(self.axes) - 1)
        unit = np.insert(unit, axis, 2.0 * end - 1.0, axis=1)
        return self._jets(unit), weights[1]

    def _jets(self, unit: np.ndarray) -> dict[str, np.ndarray]:
        shape = (len(self.widths), len(unit))
        found = {c: np.broadcast_to(v[:, None], shape) for c, v in self.fixed.items()}
        for i, c in enumerate(self.axes):
            found[c] = self.centres[:, i, None] + unit[None, :, i] * self.widths[:, i, None]
        return found | self._along(unit, self.waves)

    def _along(self, unit: np.ndarray, of: Mapping[str, Wave] | Mapping[str, Bump]):
        found = {}
        for name, (root, above) in self.split.items():
            orders = [above.count(c) for c in self.axes]
            scale = np.prod(self.widths ** -np.array(orders, dtype=float), axis=1)
            value = of[root].derivative(unit, orders)
            found[name] = value * scale.reshape(-1, *[1] * (value.ndim - 1))
        return found


def _boxes(problem, reach, roots, axes, count, seed):
    """Return half widths, centres, and all coordinates: boxes as the data or statement vary."""
    unit = qmc.Sobol(len(axes), rng=np.random.default_rng(seed + 2))
    shares = unit.random_base2(int(np.ceil(np.log2(count))))[:count]
    points, widths, centres = places(problem, count, seed), [], []
    for i, c in enumerate(axes):
        axis, knots = problem.axes[c], scan(problem)[c].knots
        longest = 0.5 * axis.length
        length = min([longest, *(_varies(problem, reach, r, c) for r in roots)])
        width = longest * (max(length / 8.0, NARROWEST * longest) / longest) ** shares[:, i]
        panel = np.diff(knots)[np.clip(np.searchsorted(knots, points[c]) - 1, 0, len(knots) - 2)]
        width = np.where(np.arange(count) % 2, np.minimum(width, 2.0 * panel), width)
        widths.append(width)
        centres.append(np.clip(points[c], axis.lower + width, axis.upper - width))
    return np.stack(widths, axis=1), np.stack(centres, axis=1), points


def _varies(problem: Problem, reach: Reach, root: str, coordinate: str) -> float:
    """Return over what length the data vary along a coordinate."""
    slope = problem.space.raised(root, coordinate)
    if root not in reach.size or slope not in reach.size:
        return np.inf
    return float(np.max(reach.size[root]) / np.max(reach.size[slope]))


def _amplitudes(problem, reach, root, mean, axes, widths) -> np.ndarray:
    """Return the largest deviation of each function from its mean, of the data's slope."""
    count, size = len(mean), size_of(problem, reach, root)
    lengths = np.array([_varies(problem, reach, root, c) for c in axes])
    steep = np.min(np.minimum(widths / lengths, 1.0), axis=1).reshape(-1, *[1] * size.ndim)
    near = np.broadcast_to(size * np.where(np.isfinite(steep), steep, 1.0), mean.shape)
    low, high = (np.asarray(b.get(root, np.zeros(size.shape))) for b in (reach.low, reach.high))
    signed = low * high > 0.0
    near = np.where(signed, np.minimum(near, KEPT * np.abs(mean)), near)
    layer = (np.arange(count) % LAYERS).reshape(-1, *[1] * size.ndim)
    return np.where(layer == 2, np.maximum(np.abs(mean), near), np.where(layer == 3, mean, near))


def _chosen(space: JetSpace, roots: list[str], count: int) -> dict[str, np.ndarray]:
    """Return which component of which stem each function's variation moves, in turn."""
    sizes = [int(np.prod(space.shape(r))) for r in roots]
    # Each component meets every layer.
    turn = (np.arange(count) // LAYERS) % max(sum(sizes), 1)
    found, start = {}, 0
    for root, size in zip(roots, sizes, strict=True):
        one = turn[:, None] == start + np.arange(size)[None]
        found[root] = one.astype(float).reshape(count, *space.shape(root))
        start += size
    return found


def _nodes(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of two Gauss–Legendre rules, and the weights of the coarse and the fine."""
    if not dimensions:
        return np.zeros((1, 0)), np.ones((2, 1))
    rules = [np.polynomial.legendre.leggauss(n) for n in NODES[dimensions]]
    nodes, weights = [], []
    for unit, weight in rules:
        grid = np.meshgrid(*[unit] * dimensions, indexing="ij")
        nodes.append(np.stack([g.ravel() for g in grid], -1))
        weights.append(reduce(np.multiply.outer, [weight] * dimensions).ravel())
    zero = [np.zeros_like(w) for w in weights]
    both = [np.concatenate([weights[0], zero[1]]), np.concatenate([zero[0], weights[1]])]
    return np.concatenate(nodes), np.stack(both)


def stationarity(function: JetFunction):
    """Return the map from functions to ∫ δf of each, ∫ |δf|, and what the quadrature may miss."""
    space = function.space

    @jax.jit
    def every(jets, tests, weights):
        def one(pair):
            jets, tests = pair
            fixed = {n: v for n, v in jets.items() if n not in tests}
            moving = {n: jets[n] for n in tests}

            def rate(fixed, moving, tests):
                at = lambda m: function(Jet(space, {**fixed, **m}))  # noqa: E731
                return jax.jvp(at, (moving,), (tests,))[1]

            rates = jax.vmap(rate)(fixed, moving, tests)
            totals = jnp.tensordot(weights, rates, axes=1)
            return totals[1], jnp.tensordot(weights[1], jnp.abs(rates), 1), totals[1] - totals[0]

        return jax.lax.map(one, (jets, tests))

    def integrate(functions: RandomFunctions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        total, size, doubt = every(*jax.tree.map(jnp.asarray, functions.inside()))
        return np.asarray(total), np.asarray(size), np.asarray(doubt)

    return integrate


def divergence_gap(problem: Problem, reach: Reach, function: JetFunction, flux: Fluxes) -> Defect:
    """Return how far a function is from the divergence of a flux, by the divergence theorem.

    On boxes, ∫ f is compared with what flows out through the faces: no derivative of the flux. Only
    functions about the data are taken.

    Args:
        problem: whose jets.
        reach: in which functions are drawn.
        function: f, a scalar or a vector.
        flux: by axis, of f's shape.
    """
    axes, space = tuple(flux), problem.space
    every = (function, *flux.values())
    whole = JetFunction(space, lambda j: jnp.stack([f(j) for f in every]), "law and flux")
    drawn = RandomFunctions.draw(problem, reach, whole, axes)
    jets, _, weights = drawn.inside()
    values = _at(function, jets)
    volume = _column(np.prod(drawn.widths, axis=1), values[:, 0])
    rough, total = (volume * np.einsum("p,sp...->s...", w, values) for w in weights)
    size = volume * np.einsum("p,sp...->s...", weights[1], np.abs(values))
    # Terms that cancel inside the function leave rounding, which moves with the point.
    scatter = np.abs(_at(function, _moved(jets)) - values)
    doubt = np.abs(total - rough) + volume * np.einsum("p,sp...->s...", weights[1], scatter)
    for index, axis in enumerate(axes):
        for end in (0, 1):
            on_face, face_weights = drawn.on_face(index, end)
            passed = _at(flux[axis], on_face)
            area = volume / _column(drawn.widths[:, index], volume)
            total = total + (1.0 - 2.0 * end) * area * np.einsum(
                "p,sp...->s...", face_weights, passed
            )
            size = size + area * np.einsum("p,sp...->s...", face_weights, np.abs(passed))
    near = np.arange(len(total)) % LAYERS < 2  # quadrature along rays reaches no farther
    return defect_of_integrals(total[near], size[near], doubt[near])


def _moved(jets: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return jets with every number changed in its twelfth digit."""
    generator = np.random.default_rng(7)
    return {
        n: v * (1.0 + MOVED[0] * generator.uniform(-1.0, 1.0, v.shape)) for n, v in jets.items()
    }


def _at(function: JetFunction, jets: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return a function at jets with two leading axes."""
    columns = {n: jnp.asarray(jets[n]) for n in function.needs}
    shape = next(iter(jets.values())).shape[:2]
    if not columns:
        return np.broadcast_to(
            np.asarray(function(Jet(function.space, {}))), (*shape, *function.shape)
        )
    evaluate = jax.jit(jax.vmap(jax.vmap(lambda v: function(Jet(function.space, v)))))
    return np.asarray(evaluate(columns))


def _column(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (like.ndim - 1))
