"""The figure-eight orbit of three bodies."""

import jax.numpy as jnp

import pinn
from pinn import symmetry

PERIOD = 6.32591398


@pinn.register
def three_body(periods: float = 1.0) -> pinn.Problem:
    """Three equal masses that chase one another along a figure eight.

        L = ½ Σ_a |q̇_a|² + Σ_{a<b} 1/|q_a − q_b|        q̈_a = −Σ_{b≠a} (q_a − q_b)/|q_a − q_b|³

    The field q holds one body a row. G = m = 1.

    | symmetry              | charge                                             |
    |-----------------------|----------------------------------------------------|
    | time translation      | energy E = −1.28714                                |
    | translation           | momentum P = Σ q̇_a = 0                             |
    | rotation              | angular momentum ℓ = Σ (x_a ẏ_a − y_a ẋ_a) = 0     |
    | uniform motion, η = t | boost t P − Σ q_a = 0                              |

    Six numbers, of which five vanish here; their drift is measured against the size of their
    terms.

    Expected behaviour: one smooth period of 6.32591398 without close encounters; each body takes
    the place of the next after a third of it. The orbit is linearly stable: errors in the state
    grow seventyfold over the period, then in proportion to time.
    Good values: periods up to 1 for training, 10 for reference methods.

    Source: Chenciner and Montgomery (2000), doi:10.2307/2661357; initial data by Simó, there.
    """

    def lagrangian(j):
        sides = j.q - jnp.roll(j.q, 1, axis=0)  # three bodies have just these three pairs
        return 0.5 * jnp.sum(j.q_t**2) + jnp.sum(1.0 / jnp.linalg.norm(sides, axis=1))

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, periods * PERIOD)},
        fields={"q": (3, 2)},
        lagrangian=lagrangian,
        initial={
            "q": [(0.97000436, -0.24308753), (-0.97000436, 0.24308753), (0.0, 0.0)],
            "q_t": 2 * [(0.466203685, 0.43236573)] + [(-0.93240737, -0.86473146)],
        },
        symmetries=[
            symmetry.time_translation(),
            symmetry.translation("q"),
            symmetry.rotation("q"),
            symmetry.boost("q"),
        ],
    )
