"""The Hénon–Heiles system."""

import math

import pinn
from pinn import symmetry


@pinn.register
def henon_heiles(coupling: float = 1.0, end: float = 12.0 * math.pi) -> pinn.Problem:
    """A star near the centre of a galaxy: two oscillators with a cubic coupling.

        L = ½ |q̇|² − V        V = ½ (x² + y²) + λ (x² y − ⅓ y³)
        ẍ = −x − 2λ x y        ÿ = −y − λ (x² − y²)

    | symmetry         | charge                             |
    |------------------|------------------------------------|
    | time translation | energy E = ½ |q̇|² + V = 0.12825    |

    A turn by 120° and a reflection leave V as it is, but they come in no continuous family, so no
    second charge belongs to them.

    Expected behaviour: bounded below E = 1/(6λ²), where three saddles open. At E = 0.128 regular
    and chaotic orbits share the energy surface; this one stays near the origin for six periods.
    Good values: coupling 0 (two free oscillators) to 1.

    Source: Hénon and Heiles (1964), doi:10.1086/109234; the initial data: Mattheakis et al. (2022),
    doi:10.1103/PhysRevE.105.065305.
    """

    def lagrangian(j):
        x, y = j.q
        potential = 0.5 * (x**2 + y**2) + coupling * (x**2 * y - y**3 / 3.0)
        return 0.5 * j.q_t @ j.q_t - potential

    return pinn.Problem(
        axes={"t": pinn.Interval(0.0, end)},
        fields={"q": (2,)},
        lagrangian=lagrangian,
        initial={"q": (0.3, -0.3), "q_t": (0.3, 0.15)},
        symmetries=[symmetry.time_translation()],
    )
