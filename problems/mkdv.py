"""The modified Korteweg–de Vries equation."""

import jax.numpy as jnp

import pinn


@pinn.register
def mkdv(steepness: float = 2.0, end: float = 2.0) -> pinn.Problem:
    """One soliton of the cubic relative of the Korteweg–de Vries equation.

        u_t + 6 u² u_x + u_xxx = 0,        −20 ≤ x ≤ 20, periodic

    The solution is u = k sech k(x − k²t), up to tails of e^{−20k}.

    | law      | multiplier    | density         | value |
    |----------|---------------|-----------------|-------|
    | mass     | 1             | u               | π     |
    | momentum | u             | ½u²             | k     |
    | energy   | 2u³ + u_xx    | ½u⁴ − ½u_x²     | k³/3  |

    Expected behaviour: a hump of height k that moves with speed k² and keeps its form.
    Good values: steepness from 2, below which the tails meet on the far side of the circle, to 4.

    Source: Wadati (1973), doi:10.1143/JPSJ.34.1289; conservation laws: Miura, Gardner and Kruskal
    (1968), doi:10.1063/1.1664701.
    """
    half = 20.0

    def residual(j):
        return j.u_t + 6.0 * j.u**2 * j.u_x + j.u_xxx

    def soliton(t, x):
        place = jnp.mod(x - steepness**2 * t + half, 2.0 * half) - half  # round the circle
        return steepness / jnp.cosh(steepness * place)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end), "x": pinn.Periodic(-half, half)},
        fields={"u": ()},
        residual=residual,
        initial={"u": lambda x: soliton(jnp.zeros_like(x), x)},
        conserved={
            "mass": lambda j: j.u,
            "momentum": lambda j: 0.5 * j.u**2,
            "energy": lambda j: 0.5 * j.u**4 - 0.5 * j.u_x**2,
        },
        exact=lambda t, x: {"u": soliton(t, x)},
    )
