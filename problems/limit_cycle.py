"""The limit cycle of the van der Pol oscillator."""

import jax.numpy as jnp

import pinn


@pinn.register
def limit_cycle(mu: float = 1.0, period: float = 6.5) -> pinn.Problem:
    """The one periodic motion of an oscillator that is driven while small and damped while large.

        ẍ = μ (1 − x²) ẋ − x,    x(T) = x(0),  ẋ(T) = ẋ(0),    T unknown

    | law         | quantity                                              |
    |-------------|-------------------------------------------------------|
    | balance law | energy E = ½ ẋ² + ½ x²,   dE/dt = μ (1 − x²) ẋ²       |

    Over one turn the gain and the loss of E are equal. The motion starts at its turning point,
    ẋ(0) = 0; `period` is a first guess of T.

    Expected behaviour: T = 6.66328686 and an amplitude of 2.00862 for μ = 1; for small μ a circle
    of radius 2 and T = 2π (1 + μ²/16), for large ones slow drifts and sudden jumps.
    Good values: mu from 0.01 to 2.

    Source: van der Pol (1926), doi:10.1080/14786442608564127; the period as a series in μ:
    Andersen and Geer (1982), doi:10.1137/0142047.
    """
    energy = pinn.Balance(
        density=lambda j: 0.5 * j.x_t**2 + 0.5 * j.x**2,
        source=lambda j: mu * (1.0 - j.x**2) * j.x_t**2,
    )
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, period)},
        fields={"x": ()},
        residual=lambda j: j.x_tt - mu * (1.0 - j.x**2) * j.x_t + j.x,
        boundary=[pinn.PeriodicOrbit("x")],
        conserved={"energy": energy},
        guess=lambda t: {"x": 2.0 * jnp.cos(2.0 * jnp.pi * t / period)},
    )
