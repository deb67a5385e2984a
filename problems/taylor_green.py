"""The Taylor–Green vortex."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def taylor_green(nu: float = 0.1, end: float = 1.0) -> pinn.Problem:
    """A viscous vortex that decays, one cell of a checkerboard of them.

        ω_t + u ω_x + v ω_y = ν Δω,        ω = −Δψ,        (u, v) = (ψ_y, −ψ_x)

    The stream function makes the flow incompressible identically. No flow and no shear on the edge
    of the cell 0 ≤ x, y ≤ π, ψ = 0 and ω = 0, also settle ψ's constant. The solution is
    ψ = sin x sin y e^{−2νt}; reflections continue it to the torus of side 2π.

    | law       | density                 | rate of change |
    |-----------|-------------------------|----------------|
    | energy    | ½|∇ψ|² = ½(u² + v²)     | −ν ω²          |
    | enstrophy | ½ω²                     | −ν |∇ω|²       |

    Expected behaviour: the vortex keeps its form; energy and enstrophy decay as e^{−4νt}.
    Good values: nu from 0.01 to 1.

    Source: Taylor and Green (1937), doi:10.1098/rspa.1937.0036.
    """

    def velocity(j):
        return j.psi_y, -j.psi_x

    def vorticity(j):
        return -j.psi_xx - j.psi_yy

    def gradient(j):
        return -j.psi_xxx - j.psi_xyy, -j.psi_xxy - j.psi_yyy

    def residual(j):
        (u, v), (omega_x, omega_y) = velocity(j), gradient(j)
        laplacian = -j.psi_xxxx - 2.0 * j.psi_xxyy - j.psi_yyyy
        return -j.psi_txx - j.psi_tyy + u * omega_x + v * omega_y - nu * laplacian

    def energy_flux(i, coordinate):
        def flux(j):
            carried = velocity(j)[i] * vorticity(j) - nu * gradient(j)[i] - j[f"psi_t{coordinate}"]
            return j.psi * carried + nu * vorticity(j) * j[f"psi_{coordinate}"]

        return flux

    def enstrophy_flux(i):
        return lambda j: vorticity(j) * (0.5 * velocity(j)[i] * vorticity(j) - nu * gradient(j)[i])

    wall = pinn.Interval(0.0, math.pi)
    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": wall, "y": wall},
        fields={"psi": ()},
        residual=residual,
        initial={"psi": lambda x, y: jnp.sin(x) * jnp.sin(y)},
        boundary=[
            condition
            for axis in "xy"
            for condition in (pinn.Dirichlet("psi", axis), pinn.Derivative("psi", axis, order=2))
        ],
        conserved={
            "energy": pinn.Balance(
                lambda j: 0.5 * (j.psi_x**2 + j.psi_y**2),
                lambda j: -nu * vorticity(j) ** 2,
                flux={"x": energy_flux(0, "x"), "y": energy_flux(1, "y")},
            ),
            "enstrophy": pinn.Balance(
                lambda j: 0.5 * vorticity(j) ** 2,
                lambda j: -nu * (gradient(j)[0] ** 2 + gradient(j)[1] ** 2),
                flux={"x": enstrophy_flux(0), "y": enstrophy_flux(1)},
            ),
        },
        exact=lambda t, x, y: {"psi": jnp.exp(-2.0 * nu * t) * jnp.sin(x) * jnp.sin(y)},
    )
