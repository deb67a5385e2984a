"""The van der Pol oscillator."""

import pinn


@pinn.register
def van_der_pol(
    mu: float = 1.0, position: float = 2.0, velocity: float = 0.0, end: float = 10.0
) -> pinn.Problem:
    """An oscillator that is driven while it is small and damped while it is large.

        ẍ = μ (1 − x²) ẋ − x

    | law         | quantity                                              |
    |-------------|-------------------------------------------------------|
    | balance law | energy E = ½ ẋ² + ½ x²,   dE/dt = μ (1 − x²) ẋ²       |

    Nothing is conserved: every orbit but the one at rest ends on the same limit cycle, so no
    smooth quantity can tell them apart. Over one turn of the cycle gain and loss of E are equal.

    Expected behaviour: a limit cycle of amplitude 2.01 and period 6.66 for μ = 1; with growing μ
    slow drifts and sudden jumps.
    Good values: mu from 0.1 to 3; from 5 on the equation is stiff.

    Source: van der Pol (1926), doi:10.1080/14786442608564127.
    """

    def residual(j):
        return j.x_tt - mu * (1.0 - j.x**2) * j.x_t + j.x

    energy = pinn.Balance(
        density=lambda j: 0.5 * j.x_t**2 + 0.5 * j.x**2,
        source=lambda j: mu * (1.0 - j.x**2) * j.x_t**2,
    )

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"x": ()},
        residual=residual,
        initial={"x": position, "x_t": velocity},
        conserved={"energy": energy},
    )
