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
    flow = pinn.derived_fields(
        u=lambda j: j.psi_y, v=lambda j: -j.psi_x, omega=lambda j: j.v_x - j.u_y
    )

    @flow
    def residual(j):
        carried = j.u * j.omega_x + j.v * j.omega_y
        return j.omega_t + carried - nu * (j.omega_xx + j.omega_yy)

    def energy_flux(velocity, c):
        def flux(j):
            carried = j[velocity] * j.omega - nu * j[f"omega_{c}"] - j[f"psi_t{c}"]
            return j.psi * carried + nu * j.omega * j[f"psi_{c}"]

        return flow(flux)

    def enstrophy_flux(velocity, c):
        return flow(lambda j: j.omega * (0.5 * j[velocity] * j.omega - nu * j[f"omega_{c}"]))

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
                flow(lambda j: 0.5 * (j.u**2 + j.v**2)),
                flow(lambda j: -nu * j.omega**2),
                flux={"x": energy_flux("u", "x"), "y": energy_flux("v", "y")},
            ),
            "enstrophy": pinn.Balance(
                flow(lambda j: 0.5 * j.omega**2),
                flow(lambda j: -nu * (j.omega_x**2 + j.omega_y**2)),
                flux={"x": enstrophy_flux("u", "x"), "y": enstrophy_flux("v", "y")},
            ),
        },
        exact=lambda t, x, y: {"psi": jnp.exp(-2.0 * nu * t) * jnp.sin(x) * jnp.sin(y)},
    )
