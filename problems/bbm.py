"""The Benjamin–Bona–Mahony equation."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def bbm(speed: float = 2.0, end: float = 10.0) -> pinn.Problem:
    """One solitary wave of regularised long waves, which has just three conservation laws.

        u_t + u_x + u u_x − u_xxt = 0,        −60 ≤ x ≤ 60, periodic

    The solution is u = 3(c − 1) sech² κ(x − ct) with κ = ½(1 − 1/c)^½, up to tails of e^{−120κ}.

    | law      | multiplier         | density           |
    |----------|--------------------|-------------------|
    | mass     | 1                  | u                 |
    | momentum | u                  | ½u² + ½u_x²       |
    | energy   | u + ½u² − u_xt     | ½u² + u³/6        |

    Unlike Korteweg and de Vries' equation it is not integrable: there are no further laws.

    Expected behaviour: a hump of height 3(c − 1) that moves with speed c and keeps its form. The
    time derivative stands under 1 − ∂²/∂x², so that no wavenumber is stiff.
    Good values: speed from 2, below which the tails meet on the far side of the circle, to 4.

    Source: Benjamin, Bona and Mahony (1972), doi:10.1098/rsta.1972.0032; that there are no more
    laws: Olver (1979), doi:10.1017/S0305004100055572.
    """
    half, kappa = 60.0, 0.5 * math.sqrt(1.0 - 1.0 / speed)

    def residual(j):
        return j.u_t + j.u_x + j.u * j.u_x - j.u_xxt

    def hump(t, x):
        place = jnp.mod(x - speed * t + half, 2.0 * half) - half  # round the circle
        return 3.0 * (speed - 1.0) / jnp.cosh(kappa * place) ** 2

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-half, half)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: hump(jnp.zeros_like(x), x)},
        conserved={
            "mass": pinn.Multiplier(lambda j: jnp.ones(()), density=lambda j: j.u),
            "momentum": pinn.Multiplier(
                lambda j: j.u, density=lambda j: 0.5 * j.u**2 + 0.5 * j.u_x**2
            ),
            "energy": pinn.Multiplier(
                lambda j: j.u + 0.5 * j.u**2 - j.u_xt, density=lambda j: 0.5 * j.u**2 + j.u**3 / 6.0
            ),
        },
        exact=lambda t, x: {"u": hump(t, x)},
    )
