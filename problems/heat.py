"""The heat equation."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def heat(kappa: float = 0.1, overtone: float = 0.5, end: float = 1.0) -> pinn.Problem:
    """A rod that cools through its ends.

        u_t = κ u_xx,        u(t, 0) = u(t, 1) = 0,        u(0, x) = sin πx + a sin 3πx

    The solution is u = e^{−κπ²t} sin πx + a e^{−9κπ²t} sin 3πx.

    | law        | density           | flux                   | rate of change      |
    |------------|-------------------|------------------------|---------------------|
    | mass       | u                 | −κ u_x, leaks          | 0                   |
    | energy     | ½u²               | −κ u u_x               | −κ u_x²             |
    | first mode | Λu                | κ(Λ_x u − Λ u_x)       | 0                   |

    Heat leaves through the walls, so that the mass obeys d/dt ∫u dx = κ[u_x]. A solution Λ of the
    backward equation Λ_t = −κΛ_xx is a multiplier, and one that vanishes at the walls gives a
    quantity that is conserved even so: here Λ = e^{κπ²t} sin πx.

    Expected behaviour: the overtone dies nine times as fast as the ground mode.
    Good values: kappa from 0.01 to 1; overtone from −1 to 1.

    Source: Evans, Partial Differential Equations (2010), section 2.3; multipliers: Anco and Bluman
    (2002), doi:10.1017/S0956792501004661.
    """
    rate = kappa * math.pi**2

    def residual(j):
        return j.u_t - kappa * j.u_xx

    def ground(j):
        return jnp.exp(rate * j.t) * jnp.sin(math.pi * j.x)

    def exact(t, x):
        lower = jnp.exp(-rate * t) * jnp.sin(math.pi * x)
        upper = jnp.exp(-9.0 * rate * t) * jnp.sin(3.0 * math.pi * x)
        return {"u": lower + overtone * upper}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Interval(0.0, 1.0)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: exact(jnp.zeros_like(x), x)["u"]},
        boundary=[pinn.Dirichlet("u", "x")],
        conserved={
            "mass": pinn.Balance(lambda j: j.u, flux={"x": lambda j: -kappa * j.u_x}),
            "energy": pinn.Balance(lambda j: 0.5 * j.u**2, lambda j: -kappa * j.u_x**2),
            "first_mode": pinn.Multiplier(ground, density=lambda j: ground(j) * j.u),
        },
        exact=exact,
    )
