"""Kovasznay's flow behind a grid."""

import math

import jax
import jax.numpy as jnp

import pinn


@pinn.register
def kovasznay(reynolds: float = 40.0) -> pinn.Problem:
    """The steady laminar flow behind a row of bars, in its stream function.

        u ω_x + v ω_y = Δω/Re,        ω = −Δψ,        (u, v) = (ψ_y, −ψ_x)

    The stream function makes the flow incompressible, with no pressure to find; it and its normal
    derivative are given at the edge of −½ ≤ x ≤ 1, −½ ≤ y ≤ 3/2. The solution is

        ψ = y − e^{λx} sin(2πy)/2π,        λ = ½Re − (¼Re² + 4π²)^½.

    | law       | flux, all of which leak          | source       |
    |-----------|----------------------------------|--------------|
    | vorticity | F = (u, v) ω − ∇ω/Re             | 0            |
    | energy    | ψ F + ω ∇ψ/Re                    | −ω²/Re       |
    | enstrophy | ½(u, v) ω² − ω ∇ω/Re             | −|∇ω|²/Re    |

    Expected behaviour: pairs of eddies at x < 0 that blend into the uniform stream u = 1.
    Good values: reynolds from 10 to 100; λ = −0.964 at 40.

    Source: Kovasznay (1948), doi:10.1017/S0305004100023999.
    """
    rate = 0.5 * reynolds - math.sqrt(0.25 * reynolds**2 + 4.0 * math.pi**2)

    flow = pinn.derived_fields(
        u=lambda j: j.psi_y, v=lambda j: -j.psi_x, omega=lambda j: j.v_x - j.u_y
    )

    @flow
    def residual(j):
        return j.u * j.omega_x + j.v * j.omega_y - (j.omega_xx + j.omega_yy) / reynolds

    def flux(j, carried=1.0):
        velocity, gradient = jnp.stack([j.u, j.v]), jnp.stack([j.omega_x, j.omega_y])
        return carried * velocity * j.omega - gradient / reynolds

    def work(j):
        return j.psi * flux(j) + j.omega * jnp.stack([j.psi_x, j.psi_y]) / reynolds

    def law(flux, source=None):
        along = {c: flow(lambda j, i=i: flux(j)[i]) for i, c in enumerate("xy")}
        return pinn.Balance(lambda j: jnp.zeros(()), source, along)

    def psi(x, y):
        return y - jnp.exp(rate * x) * jnp.sin(2.0 * math.pi * y) / (2.0 * math.pi)

    def given(condition, function):
        west, east = (lambda y, x=x: function[0](x, y) for x in (-0.5, 1.0))
        south, north = (lambda x, y=y: function[1](x, y) for y in (-0.5, 1.5))
        return [condition("psi", "x", west, east), condition("psi", "y", south, north)]

    slopes = jax.grad(psi, argnums=0), jax.grad(psi, argnums=1)
    return pinn.Problem(
        axes={"x": pinn.Interval(-0.5, 1.0), "y": pinn.Interval(-0.5, 1.5)},
        fields={"psi": ()},
        residual=residual,
        boundary=[*given(pinn.Dirichlet, (psi, psi)), *given(pinn.Neumann, slopes)],
        conserved={
            "vorticity": law(flux),
            "energy": law(work, flow(lambda j: -(j.omega**2) / reynolds)),
            "enstrophy": law(
                lambda j: j.omega * flux(j, 0.5),
                flow(lambda j: -(j.omega_x**2 + j.omega_y**2) / reynolds),
            ),
        },
        exact=lambda x, y: {"psi": psi(x, y)},
    )
