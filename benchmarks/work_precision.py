"""Error and drift against seconds: networks, diffrax, symplectic methods and SciPy side by side.

Each method runs at several tolerances or numbers of steps. Every row is a point of the curves in
`results/work_precision-work-precision.svg`.
"""

import pinn
from pinn.benchmark import Case, Integrated, Scipy, Study, Trained
from pinn.benchmark.report import Accuracy, Winners, WorkPrecision
from pinn.references import Adaptive, Fixed, Lines

TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14)


def networks() -> tuple[Trained, ...]:
    """Return the default recipe at several tolerances of a window."""
    return tuple(
        Trained(pinn.Recipe(windows=pinn.Adaptive(tolerance=t)), name=f"pinn {t:.0e}")
        for t in (1e-4, 1e-7, 1e-10, 1e-13)
    )


def adaptive() -> tuple[Integrated, ...]:
    """Return diffrax's methods with error control."""
    names = ("Tsit5", "Dopri8", "Kvaerno5")
    return tuple(Integrated(Adaptive(name, rtol)) for name in names for rtol in TOLERANCES)


def fixed(*names: str, shortest: int) -> tuple[Integrated, ...]:
    """Return methods of fixed steps, each doubled twice at a time."""
    steps = (shortest, 4 * shortest, 16 * shortest, 64 * shortest)
    return tuple(Integrated(Fixed(name, count)) for name in names for count in steps)


SEPARABLE = ("SemiImplicitEuler", "StormerVerlet", "Yoshida4", "Yoshida8")
OUTSIDE = tuple(Scipy("DOP853", rtol) for rtol in (1e-6, 1e-9, 1e-12))
EVERYWHERE = (*networks(), *adaptive(), *fixed("GaussLegendre", shortest=25), *OUTSIDE)


def over_space(points: int) -> tuple[Trained | Integrated | Scipy, ...]:
    """Return methods over space; SciPy's have a given number of points."""
    lines = ((63, 1e-6), (105, 1e-9), (315, 1e-12))

    def network(times: int, waves: int) -> Trained:
        recipe = pinn.Recipe(network=pinn.Separable(times, waves))
        return Trained(recipe, name=f"pinn {times}×{waves}")

    return (
        *(network(6, 48), network(8, 64), Trained(), network(10, 96)),
        *(Integrated(Lines(modes, rtol)) for modes, rtol in lines),
        *(Scipy("DOP853", rtol, modes=points) for rtol in (1e-6, 1e-9)),
    )


STUDY = Study(
    title="What does a digit cost?",
    cases=(
        Case(
            "kepler",
            {"eccentricity": 0.5},
            "e = 0.5, one period",
            methods=(*EVERYWHERE, *fixed(*SEPARABLE, shortest=100)),
        ),
        Case(
            "henon_heiles", {}, "t ≤ 12π", methods=(*EVERYWHERE, *fixed(*SEPARABLE, shortest=100))
        ),
        Case("double_pendulum", {}, "t ≤ 5", methods=EVERYWHERE),
        Case("van_der_pol", {"mu": 1.0}, "μ = 1", methods=EVERYWHERE),
        Case("kdv", methods=over_space(255)),
        Case("klein_gordon", methods=over_space(129)),
    ),
    limit=600.0,
    tables=(Accuracy(), Winners()),
    plots=(WorkPrecision(),),
)
