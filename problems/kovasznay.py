"""Kovasznay's flow behind a grid."""

import math

import jax
import jax.numpy as jnp

import pinn


@pinn.register
def kovasznay(reynolds: float = 40.0) -> pinn.Problem:
    """The steady laminar flow behind a row of bars, in its stream function.

        u ω_x + v ω_y = Δω/Re,        ω = −Δψ,        (u, v) = (ψ_y, −ψ_x)

    The stream function makes the flow incompressible identically and leaves no pressure to find.
    On −½ ≤ x ≤ 1, −½ ≤ y ≤ 3/2 the solution is

        ψ = y − e^{λx} sin(2πy)/2π,        λ = ½Re − (¼Re² + 4π²)^½,

    and its value and normal derivative, which are the velocity, are given on the whole edge.

    Expected behaviour: pairs of eddies at x < 0 that blend into the uniform stream u = 1.
    Good values: reynolds from 10 to 100; λ = −0.964 at 40.

    Source: Kovasznay (1948), doi:10.1017/S0305004100023999.
    """
    rate = 0.5 * reynolds - math.sqrt(0.25 * reynolds**2 + 4.0 * math.pi**2)
    x_axis, y_axis = pinn.Interval(-0.5, 1.0), pinn.Interval(-0.5, 1.5)

    def residual(j):
        omega_x, omega_y = -j.psi_xxx - j.psi_xyy, -j.psi_xxy - j.psi_yyy
        laplacian = -j.psi_xxxx - 2.0 * j.psi_xxyy - j.psi_yyyy
        return j.psi_y * omega_x - j.psi_x * omega_y - laplacian / reynolds

    def psi(x, y):
        return y - jnp.exp(rate * x) * jnp.sin(2.0 * math.pi * y) / (2.0 * math.pi)

    def given(condition, function):
        west, east = (lambda y, x=x: function[0](x, y) for x in (x_axis.lower, x_axis.upper))
        south, north = (lambda x, y=y: function[1](x, y) for y in (y_axis.lower, y_axis.upper))
        return [condition("psi", "x", west, east), condition("psi", "y", south, north)]

    slopes = jax.grad(psi, argnums=0), jax.grad(psi, argnums=1)
    return pinn.Problem(
        axes={"x": x_axis, "y": y_axis},
        fields={"psi": ()},
        residual=residual,
        boundary=[*given(pinn.Dirichlet, (psi, psi)), *given(pinn.Neumann, slopes)],
        exact=lambda x, y: {"psi": psi(x, y)},
    )
