"""The Toda lattice."""

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def toda(particles: int = 6, kick: float = 2.0, end: float = 10.0) -> pinn.Problem:
    """A ring of unit masses with exponential springs, one of them struck.

        L = ½ Σ q̇_i² − Σ e^{q_i − q_{i+1}}        q̈_i = e^{q_{i−1} − q_i} − e^{q_i − q_{i+1}}

    | law                      | quantity                                             |
    |--------------------------|------------------------------------------------------|
    | time translation         | energy E = ½ Σ q̇_i² + Σ e^{q_i − q_{i+1}}            |
    | translation, η = 1       | momentum P = Σ q̇_i                                   |
    | uniform motion, η = t    | boost t P − Σ q_i                                    |
    | first integrals          | lax, the traces tr 𝓛ᵏ for k = 3 … n                  |

    𝓛 is the periodic Jacobi matrix with −½ q̇_i on its diagonal and ½ exp ½(q_i − q_{i+1}) beside
    it. It moves as 𝓛̇ = [𝓑, 𝓛], so its eigenvalues stand still. tr 𝓛 = −½ P and tr 𝓛² = ½ E, so n
    independent integrals in all: the ring is integrable.

    Expected behaviour: the blow runs around the ring as a soliton with a small wave behind it;
    regular at every energy.
    Good values: particles 3 to 16; kick −3 to 3.

    Source: Toda (1967), doi:10.1143/JPSJ.22.431; the integrals: Hénon (1974),
    doi:10.1103/PhysRevB.9.1921; Flaschka (1974), doi:10.1103/PhysRevB.9.1924.
    """
    everyone = jnp.ones(particles)
    following = jnp.roll(jnp.eye(particles), 1, axis=1)  # following[i, i + 1] = 1

    def springs(q):
        return jnp.exp(q - jnp.roll(q, -1))

    def lagrangian(j):
        return 0.5 * j.q_t @ j.q_t - jnp.sum(springs(j.q))

    def lax(j):
        beside = jnp.diag(0.5 * jnp.sqrt(springs(j.q))) @ following
        matrix = jnp.diag(-0.5 * j.q_t) + beside + beside.T
        powers = [matrix @ matrix]
        for _ in range(3, particles + 1):
            powers.append(powers[-1] @ matrix)
        return jnp.stack([jnp.trace(power) for power in powers[1:]])

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": (particles,)},
        lagrangian=lagrangian,
        initial={"q": jnp.zeros(particles), "q_t": kick * jnp.eye(particles)[0]},
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("q", everyone),
            symmetry.boost("q", direction=everyone),
        ],
        conserved={"lax": lax},
    )
