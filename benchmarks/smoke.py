"""A few minutes that tell whether accuracy and conservation are what they were; CI runs it.

`pinn benchmark smoke --check` measures anew and fails where an error or a drift is ten times what
`results/smoke.jsonl` says.
"""

import pinn
from pinn.benchmark import Case, Integrated, Scipy, Study, Trained
from pinn.benchmark.report import Accuracy, Winners
from pinn.references import Adaptive, Fixed, Lines

QUICK = pinn.Recipe(
    network=pinn.Network(width=12, spread=1.0, harmonics=2),
    windows=pinn.Uniform(1),
    points=512,
    steps=60,
)
PINN, DOPRI8 = Trained(), Integrated(Adaptive("Dopri8", 1e-12))

STUDY = Study(
    title="Is anything ten times worse than it was?",
    cases=(
        Case("harmonic_oscillator", {"end": 5.0}, methods=(PINN, DOPRI8)),
        Case(
            "kepler",
            {"eccentricity": 0.3},
            methods=(PINN, DOPRI8, Integrated(Fixed("Yoshida8", 400)), Scipy("DOP853", 1e-12)),
        ),
        Case("damped_oscillator", {"end": 5.0}, methods=(PINN, DOPRI8)),
        Case(
            "double_pendulum",
            {"end": 1.0},
            methods=(PINN, Integrated(Fixed("GaussLegendre", 200))),
        ),
        Case(
            "advection",
            {"speed": 1.0, "end": 0.5},
            methods=(Trained(QUICK, "pinn, quick"), Integrated(Lines())),
        ),
    ),
    limit=150.0,
    tables=(Accuracy(), Winners()),
)
