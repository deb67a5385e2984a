"""Point vortices in the plane."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def point_vortices(
    circulations: tuple[float, float, float] = (6.0, 4.0, -2.0), end: float = 10.0
) -> pinn.Problem:
    """Three vortices of an ideal fluid, each carried along by the other two.

        L = ½ Σ Γ_a (y_a ẋ_a − x_a ẏ_a) − H        H = −(1/4π) Σ_{a<b} Γ_a Γ_b ln |z_a − z_b|²
        Γ_a ẋ_a = ∂H/∂y_a,    Γ_a ẏ_a = −∂H/∂x_a

    The field z holds one vortex a row. L is linear in the velocities: the equation is of first
    order, the positions alone are the state, and x and y are conjugate to each other.

    | symmetry                                | charge                                  |
    |-----------------------------------------|-----------------------------------------|
    | time translation                        | energy H                                |
    | translation, K = ½ Σ Γ_a (−y_a, x_a)    | impulse Σ Γ_a (y_a, −x_a)               |
    | rotation                                | angular impulse −½ Σ Γ_a |z_a|²         |

    Expected behaviour: the relative motion of three vortices is periodic or unbounded, never
    chaotic; here a pair of like sign turns about itself every 4 units of time, while the weaker
    and opposite one walks around both.
    Good values: any circulations but zero; where Γ₁Γ₂ + Γ₂Γ₃ + Γ₃Γ₁ = 0 some triangles collapse.

    Source: Aref (2007), doi:10.1063/1.2425103.
    """

    def hamiltonian(z):
        gamma = jnp.asarray(circulations)
        sides = jnp.sum((z - jnp.roll(z, 1, axis=0)) ** 2, axis=1)  # three vortices, three pairs
        return -jnp.sum(gamma * jnp.roll(gamma, 1) * jnp.log(sides)) / (4.0 * math.pi)

    def lagrangian(j):
        (x, y), (u, v) = j.z.T, j.z_t.T
        return 0.5 * jnp.asarray(circulations) @ (y * u - x * v) - hamiltonian(j.z)

    def gauge(j):
        x, y = j.z.T
        return 0.5 * jnp.stack([-y, x]) @ jnp.asarray(circulations)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"z": (3, 2)},
        lagrangian=lagrangian,
        initial={"z": [(-0.5, 0.0), (0.5, 0.0), (0.0, 2.0)]},
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("z", name="impulse", gauge=gauge),
            symmetry.rotation("z", name="angular_impulse"),
        ],
    )
