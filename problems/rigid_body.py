"""The free rigid body."""

import math

import jax.numpy as jnp

import pinn


@pinn.register
def rigid_body(
    inertia: tuple[float, float, float] = (1.0, 2.0, 3.0),
    spin: tuple[float, float] = (1.6, 1.0),
    end: float = 20.0,
) -> pinn.Problem:
    """Euler's equations for a body that turns freely, in its own axes.

        I ẇ = (I w) × w        I = diag(I₁, I₂, I₃)

    w is the angular velocity; it starts at (w₁, 0, w₃), and I₁ < I₂ < I₃.

    | law            | quantity                                            |
    |----------------|-----------------------------------------------------|
    | first integral | energy E = ½ w · I w                                |
    | first integral | casimir C = |I w|², the angular momentum squared    |

    The angular momentum's direction is fixed in space, not in the body. C is conserved whatever
    the energy function: it belongs to the bracket, and no symmetry of w generates it.

    The solution is w = (w₁ cn, s sn, w₃ dn) in Jacobi's functions of νt with modulus k, for k < 1.

    Expected behaviour: w runs along the curve where an ellipsoid of E cuts a sphere of I w. Near
    k = 1, the turn about the middle axis, the body flips over and over (Dzhanibekov).
    Good values: k² = I₁ (I₂ − I₁) w₁² / (I₃ (I₃ − I₂) w₃²) from 0 to 0.999, here 0.853.

    Source: Landau and Lifshitz, Mechanics (1976), sections 36 and 37.
    """
    (i1, i2, i3), (w1, w3) = inertia, spin
    modulus = w1 / w3 * math.sqrt(i1 * (i2 - i1) / (i3 * (i3 - i2)))
    rate = w3 * math.sqrt((i3 - i2) * (i3 - i1) / (i1 * i2))
    middle = w1 * math.sqrt(i1 * (i3 - i1) / (i2 * (i3 - i2)))
    means, ratios = [1.0], []  # the arithmetic–geometric mean of 1 and √(1 − k²)
    geometric, gap = math.sqrt(1.0 - modulus**2), modulus
    while abs(gap) > 1e-8 * means[-1]:  # it converges quadratically
        gap = 0.5 * (means[-1] - geometric)
        means.append(0.5 * (means[-1] + geometric))
        geometric = math.sqrt(means[-2] * geometric)
        ratios.append(gap / means[-1])

    def residual(j):
        moment = jnp.asarray(inertia)
        return moment * j.w_t - jnp.cross(moment * j.w, j.w)

    def exact(t):
        phase = 2.0 ** len(ratios) * means[-1] * rate * t
        for ratio in reversed(ratios):  # Landen's descending transformation
            phase = 0.5 * (phase + jnp.arcsin(ratio * jnp.sin(phase)))
        sine, delta = jnp.sin(phase), jnp.sqrt(1.0 - (modulus * jnp.sin(phase)) ** 2)
        return {"w": jnp.stack([w1 * jnp.cos(phase), middle * sine, w3 * delta])}

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"w": (3,)},
        residual=residual,
        initial={"w": (w1, 0.0, w3)},
        conserved={
            "energy": lambda j: 0.5 * j.w @ (jnp.asarray(inertia) * j.w),
            "casimir": lambda j: jnp.sum((jnp.asarray(inertia) * j.w) ** 2),
        },
        exact=exact,
    )
