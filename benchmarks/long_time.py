"""Error and drift over long times, beside integrators of high order and symplectic ones.

The steps of the integrators span equal time and equal error with the networks.
"""

import math

import jax.numpy as jnp

import pinn
from pinn.benchmark import Case, Integrated, Study, Trained
from pinn.benchmark.report import Accuracy, DriftCurves, Winners, WorkPrecision
from pinn.references import Adaptive, Fixed, Lines

TIMES = 401


@pinn.register
def soliton(speed: float = 4.0, length: float = 40.0, crossings: float = 20.0) -> pinn.Problem:
    """One soliton of u_t + 6 u u_x + u_xxx = 0 on a circle long enough to forget its own tail.

    u = ½ c sech²(½ √c (x − c t)), wrapped; at the far side of the circle it is below round-off.
    """

    def wave(x):
        place = jnp.mod(x + 0.5 * length, length) - 0.5 * length
        return 0.5 * speed / jnp.cosh(0.5 * math.sqrt(speed) * place) ** 2

    return pinn.Problem(
        axes={
            "t": pinn.Interval(0.0, crossings * length / speed),
            "x": pinn.Periodic(-0.5 * length, 0.5 * length),
        },
        fields={"u": ()},
        residual=lambda j: j.u_t + 6.0 * j.u * j.u_x + j.u_xxx,
        initial={"u": wave},
        conserved={
            "mass": lambda j: j.u,
            "momentum": lambda j: 0.5 * j.u**2,
            "energy": pinn.Multiplier(
                lambda j: 3.0 * j.u**2 + j.u_xx, density=lambda j: j.u**3 - 0.5 * j.u_x**2
            ),
        },
        exact=lambda t, x: {"u": wave(x - speed * t)},
    )


def networks() -> tuple[Trained, ...]:
    """Return the default recipe in two modes."""
    return tuple(
        Trained(pinn.Recipe(conservation=mode), name=f"pinn {mode}", history=TIMES)
        for mode in ("penalty", "exact")
    )


def integrators(*steps: int) -> tuple[Integrated, ...]:
    """Return the classical methods in time, each at several numbers of steps or tolerances."""
    methods = (
        *(Adaptive("Dopri8", rtol) for rtol in (1e-6, 1e-9, 1e-12, 1e-14)),
        *(Fixed(name, count) for name in ("Yoshida6", "GaussLegendre") for count in steps),
    )
    return tuple(Integrated(method, history=TIMES) for method in methods)


STUDY = Study(
    title="What is left after a long time?",
    cases=(
        Case(
            "kepler",
            {"eccentricity": 0.5, "periods": 100.0},
            "100 periods",
            methods=(*networks(), *integrators(5_000, 20_000, 80_000)),
        ),
        Case(
            "henon_heiles",
            {"end": 1000.0},
            "t ≤ 1000",
            methods=(*networks(), *integrators(2_000, 8_000, 32_000)),
        ),
        Case(
            "soliton",
            {},
            "20 crossings",
            methods=(
                *networks(),
                *(Integrated(Lines(257, rtol), history=TIMES) for rtol in (1e-6, 1e-9, 1e-12)),
            ),
        ),
    ),
    seeds=(0, 1, 2, 3, 4),
    limit=3600.0,
    tables=(Accuracy(), Winners()),
    plots=(DriftCurves(), WorkPrecision()),
)
