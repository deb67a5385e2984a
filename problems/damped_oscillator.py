"""The damped oscillator."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def damped_oscillator(
    omega: float = 1.0,
    gamma: float = 0.2,
    position: float = 1.0,
    velocity: float = 0.0,
    end: float = 20.0,
) -> pinn.Problem:
    """A unit mass on a linear spring in a viscous fluid.

        L = ½ ẋ² − ½ ω² x²,   R = ½ γ ẋ²        ẍ = −ω² x − γ ẋ

    | law                                 | quantity                                          |
    |-------------------------------------|---------------------------------------------------|
    | time translation of L, with friction| energy E = ½ ẋ² + ½ ω² x²,  dE/dt = −2R           |
    | first integral                      | caldirola_kanai ½ e^{γt} (ẋ² + ω² x² + γ x ẋ)     |

    The symmetry of L is exact and friction is a force on top, so the energy turns into a balance
    law by itself. The first integral is the charge of another Lagrangian, e^{γt} L, which has the
    same equation of motion.

    Expected behaviour: underdamped for γ < 2ω, critical at γ = 2ω, overdamped above. A method that
    is made to conserve E here finds a wrong, undamped motion.
    Good values: gamma from 0 to 5 ω with γ · end up to 5, for e^{γt} in the first integral
    magnifies the error of a motion that has died down.

    Source: Goldstein, Classical Mechanics (2002), section 1.5; Caldirola (1941),
    doi:10.1007/BF02960144; Kanai (1948), doi:10.1143/ptp/3.4.440.
    """
    rate, stiffness = 0.5 * gamma, omega**2 - 0.25 * gamma**2
    root = math.sqrt(abs(stiffness))

    def lagrangian(j):
        return 0.5 * j.x_t**2 - 0.5 * omega**2 * j.x**2

    def caldirola_kanai(j):
        form = j.x_t**2 + omega**2 * j.x**2 + gamma * j.x * j.x_t
        return 0.5 * jnp.exp(gamma * j.t) * form

    def exact(t):
        even, odd = jnp.ones_like(t), t
        if stiffness > 0.0:
            even, odd = jnp.cos(root * t), jnp.sin(root * t) / root
        elif stiffness < 0.0:
            even, odd = jnp.cosh(root * t), jnp.sinh(root * t) / root
        return {"x": jnp.exp(-rate * t) * (position * even + (velocity + rate * position) * odd)}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": ()},
        lagrangian=lagrangian,
        initial={"x": position, "x_t": velocity},
        symmetries=[symmetry.time_translation()],
        conserved={"caldirola_kanai": caldirola_kanai},
        dissipation=lambda j: 0.5 * gamma * j.x_t**2,
        exact=exact,
    )
