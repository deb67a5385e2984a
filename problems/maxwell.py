"""Maxwell's equations in the plane."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def maxwell(second: float = 0.5, end: float = 1.0) -> pinn.Problem:
    """Light in a doubly periodic vacuum, electric field in the plane and magnetic field across it.

        E_t = (B_y, −B_x),        B_t = ∂E₁/∂y − ∂E₂/∂x,        0 ≤ x, y ≤ 2π, periodic

    The solution is a sum of plane waves, B = A cos θ and E = A (−k₂, k₁)/|k| cos θ with
    θ = k·x − |k|t, here k = (1, 1) with A = 1 and k = (2, −1) with A = a.

    | law      | density              | rate of change         |
    |----------|----------------------|------------------------|
    | energy   | ½|E|² + ½B²          | 0                      |
    | momentum | E × B = (E₂B, −E₁B)  | −E ∇·E                 |
    | gauss    | ½(∇·E)²              | 0                      |

    The energy flows along Poynting's vector, which is E × B as well. Gauss's law ∇·E = 0 holds at
    all times if it holds at the first, ∂(∇·E)/∂t = 0; its square is conserved and stays 0 (drift is
    measured against 1), and then nothing acts on the momentum.

    Expected behaviour: two waves that pass through each other; no dispersion, c = 1.
    Good values: second from −1 to 1; end from 1 to 2π.

    Source: Jackson, Classical Electrodynamics (1999), sections 6.7 and 7.1; Poynting (1884),
    doi:10.1098/rstl.1884.0016.
    """
    waves = ((1.0, (1.0, 1.0)), (second, (2.0, -1.0)))

    def residual(j):
        return j.E_t - jnp.stack([j.B_y, -j.B_x]), j.B_t - j.E_y[0] + j.E_x[1]

    def divergence(j):
        return j.E_x[0] + j.E_y[1]

    def exact(t, x, y):
        electric, magnetic = jnp.zeros(2), jnp.zeros(())
        for amplitude, (k, m) in waves:
            field = amplitude * jnp.cos(k * x + m * y - math.hypot(k, m) * t)
            electric = electric + jnp.stack([-m * field, k * field]) / math.hypot(k, m)
            magnetic = magnetic + field
        return {"E": electric, "B": magnetic}

    def start(field):
        return lambda x, y: exact(jnp.zeros_like(x), x, y)[field]

    circle = pinn.Periodic(0.0, 2.0 * math.pi)
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": circle, "y": circle},
        fields={"E": (2,), "B": ()},
        residual=residual,
        initial={"E": start("E"), "B": start("B")},
        conserved={
            "energy": lambda j: 0.5 * (j.E @ j.E) + 0.5 * j.B**2,
            "momentum": pinn.Balance(
                lambda j: jnp.stack([j.E[1] * j.B, -j.E[0] * j.B]), lambda j: -divergence(j) * j.E
            ),
            "gauss": lambda j: 0.5 * divergence(j) ** 2,
        },
        scales={"gauss": 1.0},
        exact=exact,
    )
