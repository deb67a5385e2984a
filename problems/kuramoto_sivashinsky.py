"""The Kuramoto–Sivashinsky equation."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def kuramoto_sivashinsky(
    alpha: float = 100.0 / 16.0,
    beta: float = 100.0 / 16.0**2,
    gamma: float = 100.0 / 16.0**4,
    end: float = 1.0,
) -> pinn.Problem:
    """A flame front that turns chaotic.

        u_t + α u u_x + β u_xx + γ u_xxxx = 0,        u(0, x) = cos x (1 + sin x)

    over 0 ≤ x ≤ 2π, periodic.

    | law    | density | rate of change        |
    |--------|---------|-----------------------|
    | mass   | u       | 0                     |
    | energy | ½u²     | β u_x² − γ u_xx²      |

    Long waves (k² < β/γ) feed on the second derivative, short ones are damped by the fourth, and
    the nonlinear term, which neither makes nor destroys energy, carries it from one to the other.
    Drift of the mass, which vanishes, is measured against ∫|cos x| dx = 4.

    Expected behaviour: the initial wave steepens at once and breaks up into cells that merge and
    split; from there on errors grow exponentially.
    Good values: end from 0.1 to 1 with these coefficients; beta/gamma is the square of the highest
    growing wavenumber, 16 for the defaults.

    Source: Wang, Sankaran and Perdikaris (2024), doi:10.1016/j.cma.2024.116813; the equation:
    Kuramoto and Tsuzuki (1976), doi:10.1143/PTP.55.356.
    """

    def residual(j):
        return j.u_t + alpha * j.u * j.u_x + beta * j.u_xx + gamma * j.u_xxxx

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(0.0, 2.0 * math.pi)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: jnp.cos(x) * (1.0 + jnp.sin(x))},
        conserved={
            "mass": lambda j: j.u,
            "energy": pinn.Balance(
                lambda j: 0.5 * j.u**2, lambda j: beta * j.u_x**2 - gamma * j.u_xx**2
            ),
        },
        scales={"mass": 4.0},
    )
