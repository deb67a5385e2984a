"""Two gases that exchange heat and volume across a piston."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def gas_piston(
    conduction: float = 0.5,
    mass: float = 1.0,
    place: float = 1.0,
    hot: float = 1.2,
    cold: float = 0.8,
    end: float = 8.0,
) -> pinn.Problem:
    """A piston of mass m at q between ideal gases of volumes q and 2 − q, which also lets heat by.

        q̇ = p/m        ṗ = ⅔ (E₁/q − E₂/(2 − q))
        Ṡ₁ = (α/T₁)(1/T₁ − 1/T₂)        Ṡ₂ = −(α/T₂)(1/T₁ − 1/T₂)

        Eᵢ = (exp(Sᵢ)/Vᵢ)^{2/3},        Tᵢ = ∂Eᵢ/∂Sᵢ = ⅔ Eᵢ,        z = (q, p, S₁, S₂)

    It is ż = L∇E + M∇S with the canonical bracket L of q and p, and M = α b bᵀ along
    b = (0, 0, 1/T₁, −1/T₂), which is normal to ∇E.

    | law                     | quantity                                               |
    |-------------------------|--------------------------------------------------------|
    | first integral          | energy E = p²/2m + E₁ + E₂                             |
    | balance law             | entropy S = S₁ + S₂,  dS/dt = α (1/T₁ − 1/T₂)² ≥ 0     |

    Expected behaviour: the hot gas pushes the piston, which swings; heat flows while the
    temperatures differ, so the swing dies down and both sides end alike.
    Good values: conduction from 0 (no friction) to 5; hot/cold up to 4.

    Source: Shang and Öttinger (2020), doi:10.1098/rspa.2019.0446; Zhang, Shin and Karniadakis
    (2022), doi:10.1098/rsta.2021.0207.
    """

    def energies(z):
        volumes = jnp.stack([z[0], 2.0 - z[0]])
        return (jnp.exp(z[2:]) / volumes) ** (2.0 / 3.0)

    def energy(z):
        return 0.5 * z[1] ** 2 / mass + jnp.sum(energies(z))

    def friction(z):
        inverse = jnp.array([1.0, -1.0]) * 1.5 / energies(z)
        along = jnp.concatenate([jnp.zeros(2), inverse])
        return conduction * jnp.outer(along, along)

    def entropy_at(temperature, volume):
        return 1.5 * math.log(1.5 * temperature) + math.log(volume)

    statement = pinn.metriplectic(
        "z",
        (place, 0.0, entropy_at(hot, place), entropy_at(cold, 2.0 - place)),
        energy=energy,
        entropy=lambda z: z[2] + z[3],
        bracket=lambda z: jnp.zeros((4, 4)).at[0, 1].set(1.0).at[1, 0].set(-1.0),
        friction=friction,
    )
    return pinn.Problem(axes={"t": pinn.Interval(0.0, end)}, **statement)
