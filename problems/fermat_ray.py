"""A ray of light by Fermat's principle."""

import math

import jax.numpy as jnp

import pinn
from pinn import symmetry


@pinn.register
def fermat_ray(
    index: float = 1.5, gradient: float = 0.5, slope: float = -0.8, end: float = 4.0
) -> pinn.Problem:
    """The path of least time through layers whose refractive index grows linearly with height.

        L = n(y) √(1 + y′²),    n = n₀ + g y        y″ = n′(y)/n(y) · (1 + y′²)

    The travel time ∫ L dx is least. The axis is x, along which the ray advances as others do in t.

    | symmetry            | charge                                                      |
    |---------------------|-------------------------------------------------------------|
    | shift along x       | snell_invariant −C, with C = n/√(1 + y′²) = n sin i         |

    It is Noether's energy, y′ ∂L/∂y′ − L: Snell's law, with i the angle from the vertical.

    The ray is a catenary, n = C cosh(g x/C + arsinh y′(0)).

    Expected behaviour: the ray bends towards larger n; sent downwards into thinner layers it turns
    around where n = C, as light over a hot road does.
    Good values: gradient from 0.05 to 1, not 0; slope from −2 to 2.

    Source: Born and Wolf, Principles of Optics (1999), sections 3.2 and 3.3,
    doi:10.1017/CBO9781139644181.
    """
    invariant = index / math.sqrt(1.0 + slope**2)

    def lagrangian(j):
        return (index + gradient * j.y) * jnp.sqrt(1.0 + j.y_x**2)

    def exact(x):
        n = invariant * jnp.cosh(gradient * x / invariant + math.asinh(slope))
        return {"y": (n - index) / gradient}

    return pinn.Problem(
        axes={"x": pinn.Interval(0.0, end)},
        fields={"y": ()},
        lagrangian=lagrangian,
        initial={"y": 0.0, "y_x": slope},
        symmetries=[symmetry.time_translation(name="snell_invariant")],
        exact=exact,
    )
