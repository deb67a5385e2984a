"""The Lotka–Volterra equations."""

import jax.numpy as jnp

import pinn


@pinn.register
def lotka_volterra(
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 1.0,
    delta: float = 1.0,
    prey: float = 1.5,
    predators: float = 1.0,
    end: float = 12.0,
) -> pinn.Problem:
    """Prey x that breed, and predators y that live on them.

        ẋ = α x − β x y        ẏ = δ x y − γ y

    | law            | quantity                                  |
    |----------------|-------------------------------------------|
    | first integral | volterra V = δ x − γ ln x + β y − α ln y  |

    No Lagrangian of the populations stands behind it: V is declared, and checked on the equation.

    Expected behaviour: closed orbits around x = γ/δ, y = α/β, predators a quarter period behind
    their prey, small ones with period 2π/√(αγ). V has a minimum at the centre: near it V sees the
    distance only to second order.
    Good values: prey and predators within a factor 3 of the centre; larger orbits pass near the
    axes, where ln x is steep and the equation is stiff.

    Source: Lotka, Elements of Physical Biology (1925); Volterra (1926), doi:10.1038/118558a0.
    """

    def residual(j):
        return {
            "x": j.x_t - (alpha - beta * j.y) * j.x,
            "y": j.y_t - (delta * j.x - gamma) * j.y,
        }

    def volterra(j):
        return delta * j.x - gamma * jnp.log(j.x) + beta * j.y - alpha * jnp.log(j.y)

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": (), "y": ()},
        residual=residual,
        initial={"x": prey, "y": predators},
        conserved={"volterra": volterra},
    )
