"""Schrödinger's equation in a harmonic well."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def schrodinger(omega: float = 1.0, offset: float = 1.5, periods: float = 1.0) -> pinn.Problem:
    """A coherent state: the quantum packet that swings like a classical particle.

        L = b a_t − a b_t − ½|ψ_x|² − ½ω²x²|ψ|²,        ψ = a + ib

        i ψ_t = −½ ψ_xx + ½ω²x² ψ,        ψ = 0 at the walls, 8.5 widths ω^{−½} beyond the motion

    The solution is ψ = (ω/π)^¼ exp(−½ω(x − q)² + ip(x − ½q) − ½iωt) with q = q₀ cos ωt, p = q̇.

    | symmetry          | charge                                  | rate of change           |
    |-------------------|-----------------------------------------|--------------------------|
    | phase             | norm ∫ |ψ|² dx = 1                      | 0                        |
    | time translation  | energy ∫ ½|ψ_x|² + ½ω²x²|ψ|² dx         | 0                        |
    | space translation | momentum ∫ a b_x − b a_x dx = p         | force −∫ ω²x|ψ|² dx      |
    | none              | position ∫ x|ψ|² dx = q                 | momentum                 |

    The last two are Ehrenfest's theorem; the well and the walls break translation. The energy is
    ½ω + ½ω²q₀². Drift of the momentum, which starts at 0, is measured against ωq₀.

    Expected behaviour: |ψ|² swings with period 2π/ω without spreading.
    Good values: offset from 0.1 to 4 (the packet oscillates as e^{iωq₀x}); omega from 0.5 to 4.

    Source: Schrödinger (1926), doi:10.1007/BF01507634; Ehrenfest (1927), doi:10.1007/BF01329203.
    """
    wall = offset + 8.5 / math.sqrt(omega)

    def lagrangian(j):
        twist = j.psi[1] * j.psi_t[0] - j.psi[0] * j.psi_t[1]
        return twist - 0.5 * j.psi_x @ j.psi_x - 0.5 * (omega * j.x) ** 2 * (j.psi @ j.psi)

    def current(j):
        return j.psi[0] * j.psi_x[1] - j.psi[1] * j.psi_x[0]

    def packet(t, x):
        place, push = offset * jnp.cos(omega * t), -omega * offset * jnp.sin(omega * t)
        height = (omega / math.pi) ** 0.25 * jnp.exp(-0.5 * omega * (x - place) ** 2)
        phase = push * (x - 0.5 * place) - 0.5 * omega * t
        return jnp.stack([height * jnp.cos(phase), height * jnp.sin(phase)])

    def nothing(t):
        return jnp.zeros(2)

    return pinn.Problem(
        axes={
            "t": pinn.Interval(0.0, 2.0 * math.pi * periods / omega),
            "x": pinn.Interval(-wall, wall),
        },
        fields={"psi": (2,)},
        lagrangian=lagrangian,
        initial={"psi": lambda x: packet(jnp.zeros_like(x), x)},
        boundary=[pinn.Dirichlet("psi", "x", nothing, nothing)],
        symmetries=[
            symmetry.phase("psi"),
            symmetry.time_translation(),
            symmetry.space_translation("x", balance=True),
        ],
        conserved={"position": pinn.Balance(lambda j: j.x * (j.psi @ j.psi), current)},
        scales={"momentum": omega * offset},
        exact=lambda t, x: {"psi": packet(t, x)},
    )
