"""A network whose units are products of one function an axis: linear in its weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.networks.bandwidth import bandwidth
from pinn.networks.features import Features
from pinn.networks.mirror import Mirrors, halved, mirrors_of
from pinn.networks.network import AbstractNetwork, Resolution
from pinn.problem.axes import Axis, Periodic
from pinn.problem.problem import Problem
from pinn.spectral import AbstractBasis, Fourier, basis_of

# The most polynomials in time, for waves that are known to be all.
LONG = 14
# The highest tenth of the waves is left to balance what the equation makes of the others.
INNER = 0.9
# The volume of the part of the ball with radius one that has only positive coordinates.
_BALL = {0: 1.0, 1: 1.0, 2: math.pi / 4.0, 3: math.pi / 6.0}


@dataclass(frozen=True)
class Separable(AbstractNetwork):
    """N(s, x) = Σ c_ij T_i(2s/h − 1) φ_j(x), whose weights c are all that is learned.

    A functional-link network (Pao 1989, Adaptive Pattern Recognition and Neural Networks, chapter
    8) whose units are products over the axes, as in separable networks (Cho et al. 2023,
    arXiv:2306.15969): harmonics on a circle and polynomials on an interval. Over several axes the
    units fill a ball of wave numbers (Trefethen 2017, doi:10.1090/proc/13412). The rows are as
    linear in the weights as the equation is in the fields, so that Gauss–Newton needs a few steps
    where a network with hidden weights needs hundreds.

    Args:
        times: polynomials in the window's time, of degree 0 … times − 1.
        waves: the highest harmonic on a circle; on an interval, where as many polynomials resolve
            half the waves, the highest degree is twice as high.

    Raises:
        RecipeError: a size below one.
    """

    times: int = 8
    waves: int = 32

    def __post_init__(self):
        for name in ("times", "waves"):
            if getattr(self, name) < 1:
                raise RecipeError(f"A network needs {name} ≥ 1, got {getattr(self, name)}.")

    @classmethod
    def within(cls, unknowns: int, problem: Problem) -> "Separable":
        """Return the shape that suits a problem and has at most so many weights.

        It has the waves of the solution where these are known, and more polynomials in time for
        them; else as many waves as may be, up to 80.
        """
        known = bandwidth(problem)
        if known is not None:
            tight = cls(waves=math.ceil(known / INNER) + 2)
            each = tight.over_space(problem) * problem.space.components
            if unknowns >= cls.times * each:
                return replace(tight, times=min(unknowns // each, LONG))
        return cls.wide(unknowns, problem)

    @classmethod
    def wide(cls, unknowns: int, problem: Problem) -> "Separable":
        """Return the shape with as many waves as may be, up to 80, whatever is known of them."""
        units = unknowns / problem.space.components / (1 if problem.stationary else cls.times)
        along = (units / _filled(problem)) ** (1.0 / len(problem.extent))
        return cls(waves=min(max(int(along - 1.0) // 2, 1), 80))

    def holds(self, problem: Problem) -> bool:
        """Tell whether all waves that the solution is made of are known and among the units."""
        known = bandwidth(problem)
        return known is not None and known <= INNER * self.waves

    def over_space(self, problem: Problem) -> int:
        """Return about how many units there are at one time."""
        return round(_filled(problem) * (2 * self.waves + 1) ** len(problem.extent))

    def fresh(
        self,
        extent: Mapping[str, Axis],
        mirrors: Mirrors,
        timed: bool,
        outputs: int,
        dtype: DTypeLike,
        seed: int,
    ) -> "SeparableModel":
        """Return the network before training, which is zero: there is nothing random about it."""
        features = self.features(extent, mirrors, timed)
        return SeparableModel(features, outputs, dtype=dtype, rngs=nnx.Rngs(seed))

    def resolution(self, problem: Problem) -> Resolution:
        """Return what the features resolve."""
        return Resolution(self.times, self.waves, self.over_space(problem))

    def features(self, extent: Mapping[str, Axis], mirrors: Mirrors, timed: bool) -> Features:
        """Return the functions that the network combines."""
        bases = tuple(_basis(axis, name in mirrors, self.waves) for name, axis in extent.items())
        even = tuple(name in mirrors for name in extent)
        return Features(bases, even, self.times if timed else 0)


def _filled(problem: Problem) -> float:
    """Return the share of a cube of wave numbers that is used: a ball, and cosines only if even."""
    mirrors, extent = mirrors_of(problem), problem.extent
    return _BALL[len(extent)] * 0.5 ** sum(halved(mirrors, n, a) for n, a in extent.items())


def _basis(axis: Axis, mirrored: bool, waves: int) -> AbstractBasis:
    if isinstance(axis, Periodic):
        return Fourier(axis.lower, axis.upper, 2 * waves + 1)
    if mirrored:
        return Fourier(axis.lower, axis.upper + axis.length, 4 * waves + 1)
    return basis_of(axis, 2 * waves + 1)


class SeparableModel(nnx.Module):
    """The network of a `Separable` shape: its features, and a layer that combines them."""

    def __init__(self, features: Features, outputs: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        zero = nnx.initializers.zeros
        self.features = features
        self.last = nnx.Linear(
            features.count, outputs, use_bias=False, kernel_init=zero, param_dtype=dtype, rngs=rngs
        )

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Evaluate at one point."""
        return self.last(self.features(x))
