"""The plane pendulum."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def pendulum(angle: float = 2.0, omega: float = 1.0, end: float = 10.0) -> pinn.Problem:
    """A rigid pendulum released from rest at an angle from the vertical.

        L = ½ θ̇² + ω² cos θ        θ̈ = −ω² sin θ,    ω² = g/ℓ

    | symmetry         | charge                                       |
    |------------------|----------------------------------------------|
    | time translation | energy E = ½ θ̇² − ω² cos θ = −ω² cos θ(0)    |

    The solution is sin ½θ = k sn(ωt + K, k) with k = sin ½θ(0) and the period 4K(k)/ω, where sn is
    Jacobi's function and K the complete elliptic integral.

    Expected behaviour: a swing whose period grows with its amplitude, 8.35/ω from 2 rad against
    2π/ω for a small one.
    Good values: angle from 0.1 to 3; near π it lingers upside down and errors grow as e^{ωt}.

    Source: Landau and Lifshitz, Mechanics (1976), section 11; Landen's descending transformation:
    NIST Digital Library of Mathematical Functions, section 22.20(ii).
    """
    modulus = math.sin(0.5 * angle)
    means, ratios = [1.0], []  # the arithmetic–geometric mean of 1 and √(1 − k²)
    geometric, gap = math.cos(0.5 * angle), modulus
    while abs(gap) > 1e-8 * means[-1]:  # it converges quadratically
        gap = 0.5 * (means[-1] - geometric)
        means.append(0.5 * (means[-1] + geometric))
        geometric = math.sqrt(means[-2] * geometric)
        ratios.append(gap / means[-1])
    quarter = 0.5 * math.pi / means[-1]

    def lagrangian(j):
        return 0.5 * j.theta_t**2 + omega**2 * jnp.cos(j.theta)

    def exact(t):
        phase = 2.0 ** len(ratios) * means[-1] * (omega * t + quarter)
        for ratio in reversed(ratios):
            phase = 0.5 * (phase + jnp.arcsin(ratio * jnp.sin(phase)))
        return {"theta": 2.0 * jnp.arcsin(modulus * jnp.sin(phase))}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"theta": ()},
        lagrangian=lagrangian,
        initial={"theta": angle, "theta_t": 0.0},
        symmetries=[symmetry.time_translation()],
        exact=exact,
    )
