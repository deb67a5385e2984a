"""The Fermi–Pasta–Ulam–Tsingou chain."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def fput(
    particles: int = 15, alpha: float = 0.25, beta: float = 0.0, periods: float = 1.0
) -> pinn.Problem:
    """A chain of unit masses between two walls, with slightly nonlinear springs.

        L = ½ Σ q̇_i² − Σ V(q_{i+1} − q_i)        V(r) = ½ r² + ⅓ α r³ + ¼ β r⁴
        q̈_i = V′(q_{i+1} − q_i) − V′(q_i − q_{i−1}),    q_0 = q_{n+1} = 0

    It starts at rest in its lowest mode, q_i = A sin πi/(n + 1), and runs for so many periods of
    that mode in the linear chain, 2π/ω with ω = 2 sin π/(2n + 2).

    | symmetry         | charge                                            |
    |------------------|---------------------------------------------------|
    | time translation | energy E = ½ Σ q̇_i² + Σ V(q_{i+1} − q_i)          |

    The walls take up momentum, so translation is no symmetry; nor is there any other known law.

    Expected behaviour: a nearly standing wave that leaks into the second and third mode and, in
    the report, is back after some 160 periods instead of coming to equilibrium.
    Good values: particles 7 to 31, alpha up to 1, beta up to 8. The report has 31 moving masses,
    A = 1, α = ¼; here A = (n + 1)/32 keeps its strain and its energy per spring for every n.

    Source: Fermi, Pasta and Ulam, with Tsingou, Los Alamos report LA-1940 (1955),
    doi:10.2172/4376203.
    """
    length = particles + 1
    first_mode = jnp.sin(math.pi / length * jnp.arange(1.0, length))
    frequency = 2.0 * math.sin(0.5 * math.pi / length)

    def lagrangian(j):
        stretch = jnp.diff(jnp.pad(j.q, 1))
        potential = 0.5 * stretch**2 + alpha / 3.0 * stretch**3 + 0.25 * beta * stretch**4
        return 0.5 * j.q_t @ j.q_t - jnp.sum(potential)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, periods * 2.0 * math.pi / frequency)},
        fields={"q": (particles,)},
        lagrangian=lagrangian,
        initial={"q": length / 32.0 * first_mode, "q_t": jnp.zeros(particles)},
        symmetries=[symmetry.time_translation()],
    )
