"""What a training step costs, and how that grows: one quantity at a time.

Each run takes a fixed number of Gauss–Newton steps that no tolerance ends early. The problem is
transport by a derivative of any order, or diffusion in any dimension; both are stated here.
"""

import math
from dataclasses import replace

import jax.numpy as jnp

import pinn
from pinn.benchmark import Case, Study, Trained
from pinn.benchmark.report import Scaling, ScalingCurves


@pinn.register
def transport(order: int = 1, end: float = 0.1) -> pinn.Problem:
    """A wave on a circle under u_t = ±∂ⁿu/∂xⁿ, with the sign for which it does not grow.

    For odd n it is carried along, u = sin(x + s t); for even n it decays, u = e^{−t} sin x.
    """
    sign = (1.0, 1.0, -1.0, -1.0)[(order - 1) % 4]
    name = "u_" + "x" * order

    def exact(t, x):
        return {"u": jnp.sin(x + t) if order % 2 else jnp.exp(-t) * jnp.sin(x)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * math.pi)},
        fields={"u": ()},
        residual=lambda j: j.u_t - sign * j[name],
        initial={"u": jnp.sin},
        exact=exact,
    )


@pinn.register
def diffusion(dimensions: int = 1, end: float = 0.1) -> pinn.Problem:
    """A mode on a torus of d dimensions that decays, u_t = Δu, u = e^{−dt} sin x sin y sin z."""
    names = "xyz"[:dimensions]

    def start(*place):
        return math.prod((jnp.sin(x) for x in place), start=jnp.ones(()))

    def exact(t, *place):
        return {"u": jnp.exp(-dimensions * t) * start(*place)}

    circles = {name: pinn.Periodic(0.0, 2.0 * math.pi) for name in names}
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), **circles},
        fields={"u": ()},
        residual=lambda j: j.u_t - sum(j[f"u_{x}{x}"] for x in names),
        initial={"u": start},
        exact=exact,
    )


def perceptron(width: int) -> pinn.Network:
    """Return a network whose hidden layers are trained."""
    return pinn.Network(width=width, depth=2, spread=1.0, harmonics=1)


RECIPE = pinn.Recipe(
    network=perceptron(16),
    windows=pinn.Uniform(1),
    points=1024,
    steps=40,
    chunk=20,
    slices=8,
    modes=33,
    conservation=0.0,
)


def cost(recipe: pinn.Recipe, devices: int = 1) -> tuple[Trained]:
    """Return a run that only counts what it costs."""
    return (Trained(recipe, judged=False, devices=devices),)


def swept(quantity: str, value: float, recipe: pinn.Recipe = RECIPE, **case) -> Case:
    """Return one point of a sweep."""
    problem = case.pop("problem", "transport")
    devices = case.pop("devices", 1)
    return Case(
        problem,
        case,
        f"{quantity} {value:g}",
        sweep=(quantity, value),
        methods=cost(recipe, devices),
    )


def wide(width: int) -> pinn.Recipe:
    """Return the recipe with a wider network."""
    return replace(RECIPE, network=perceptron(width))


def unknowns(width: int) -> int:
    """Return the parameters of the network of two hidden layers, on time, cosine and sine."""
    return 3 * width + width + width * width + width + width + 1


STUDY = Study(
    title="How does the cost of a training step grow?",
    cases=(
        *(swept("points", n, replace(RECIPE, points=n)) for n in (256, 512, 1024, 2048, 4096)),
        *(swept("parameters", unknowns(w), wide(w)) for w in (8, 12, 16, 24, 32)),
        *(swept("derivative order", n, order=n) for n in (1, 2, 3, 4)),
        *(
            swept("dimensions", d, replace(RECIPE, modes=9), problem="diffusion", dimensions=d)
            for d in (1, 2, 3)
        ),
        *(swept("windows", n, replace(RECIPE, windows=pinn.Uniform(n))) for n in (1, 2, 4, 8)),
        *(swept("devices", n, devices=n) for n in (1, 2, 4)),
    ),
    seeds=(0, 1, 2),
    limit=300.0,
    tables=(Scaling(),),
    plots=(ScalingCurves(),),
)
