"""The nonlinear Schrödinger equation."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def nls(amplitude: float = 2.0, end: float = 0.5 * math.pi) -> pinn.Problem:
    """A pulse that focuses under its own intensity.

        L = b a_t − a b_t − ½|h_x|² + ½|h|⁴,        h = a + ib

        i h_t + ½ h_xx + |h|² h = 0,        h(0, x) = A sech x,        −5 ≤ x ≤ 5, periodic

    | symmetry          | charge                                                      |
    |-------------------|-------------------------------------------------------------|
    | phase             | mass M = ∫ |h|² dx ≈ 2A²                                    |
    | space translation | momentum P = ∫ a b_x − b a_x dx = 0                         |
    | time translation  | energy E = ∫ ½|h_x|² − ½|h|⁴ dx ≈ A²/3 − 2A⁴/3              |

    Drift of the momentum, which vanishes, is measured against A².

    Expected behaviour: for A = 2, two solitons bound together: the pulse narrows to twice its
    height at t = π/4, and on the line it is back at t = π/2. On the circle of the published setting
    the initial slope jumps by 0.05 at x = ±5, which sends small ripples through the domain.
    Good values: amplitude 1 (a soliton, sech x e^{it/2}), 2 or 3.

    Source: Raissi, Perdikaris and Karniadakis (2019), doi:10.1016/j.jcp.2018.10.045; the bound
    state: Satsuma and Yajima (1974), doi:10.1143/PTPS.55.284.
    """

    def lagrangian(j):
        twist = j.h[1] * j.h_t[0] - j.h[0] * j.h_t[1]
        return twist - 0.5 * j.h_x @ j.h_x + 0.5 * (j.h @ j.h) ** 2

    def start(x):
        return jnp.stack([amplitude / jnp.cosh(x), jnp.zeros_like(x)])

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-5.0, 5.0)},
        fields={"h": (2,)},
        lagrangian=lagrangian,
        initial={"h": start},
        symmetries=[
            symmetry.phase("h", name="mass"),
            symmetry.space_translation("x"),
            symmetry.time_translation(),
        ],
        scales={"momentum": amplitude**2},
    )
