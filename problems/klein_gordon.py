"""The Klein–Gordon equation."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def klein_gordon(
    mass: float = 1.0, coupling: float = 1.0, wavenumber: int = 1, end: float = 5.0
) -> pinn.Problem:
    """A relativistic field on a circle, with the φ⁴ interaction.

        L = ½ u_t² − ½ u_x² − V(u),        V(u) = ½ m² u² + ¼ λ u⁴

        u_tt − u_xx + m² u + λ u³ = 0,        0 ≤ x ≤ 2π, periodic

    It starts as the plane wave u = cos(kx − ωt) of the free field, ω² = k² + m², which is the
    solution for λ = 0.

    | symmetry          | charge                                            |
    |-------------------|---------------------------------------------------|
    | time translation  | energy E = ∫ ½u_t² + ½u_x² + V(u) dx              |
    | space translation | momentum P = −∫ u_t u_x dx = πωk                  |

    Expected behaviour: with λ > 0 the crests run ahead of the free wave and the odd harmonics
    3k, 5k, … appear.
    Good values: coupling from 0 (a closed form) to 10; mass from 0 to 3; end up to 20.

    Source: Peskin and Schroeder, An Introduction to Quantum Field Theory (1995), sections 2.2
    and 4.1.
    """
    frequency = math.sqrt(wavenumber**2 + mass**2)

    def lagrangian(j):
        potential = 0.5 * mass**2 * j.u**2 + 0.25 * coupling * j.u**4
        return 0.5 * j.u_t**2 - 0.5 * j.u_x**2 - potential

    def exact(t, x):
        return {"u": jnp.cos(float(wavenumber) * x - frequency * t)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * math.pi)},
        fields={"u": ()},
        lagrangian=lagrangian,
        initial={
            "u": lambda x: jnp.cos(float(wavenumber) * x),
            "u_t": lambda x: frequency * jnp.sin(float(wavenumber) * x),
        },
        symmetries=[symmetry.time_translation(), symmetry.space_translation("x")],
        exact=exact if coupling == 0.0 else None,
    )
