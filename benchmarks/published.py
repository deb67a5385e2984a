"""The default recipe, and longer ones, beside the best published numbers, in the papers' settings.

Sources and how far to trust each are in the rows. Only settings that the catalogue states exactly
are here; what differs is noted.
"""

import math

import pinn
from pinn.benchmark import Case, Integrated, Published, Study, Trained
from pinn.benchmark.report import Accuracy, AgainstPublished, Winners
from pinn.benchmark.study import AbstractMethod
from pinn.references import Collocation, Lines

VRBA, KIYANI, DSGNAR = "arXiv:2509.14198", "arXiv:2501.16371", "arXiv:2607.02194"
JAXPI2, HELMHOLTZ, TINN = "jaxpi2 documentation", "arXiv:2604.05230", "arXiv:2601.20361"
H100 = "H100"

LINES = (Integrated(Lines(), name="method of lines"), Integrated(Lines(rtol=1e-6)))
TIME: tuple[AbstractMethod, ...] = (Trained(), *LINES)
STILL: tuple[AbstractMethod, ...] = (Trained(), Integrated(Collocation(), name="collocation"))


def more(times: int, waves: int) -> Trained:
    """Return a recipe for more digits, at the price of time."""
    network = pinn.Separable(times, waves)
    return Trained(pinn.Recipe(network=network), name=f"pinn, times={times}, waves={waves}")


STUDY = Study(
    title="Where does the default recipe stand beside what is published?",
    cases=(
        Case(
            "burgers",
            {},
            "ν = 0.01/π, −sin πx, t ≤ 1",
            methods=(*TIME, more(10, 128)),
            published=(
                Published(8.25e-9, "vRBA + SSBroyden, 2,011 parameters", VRBA, "T"),
                Published(1.62e-8, "SSBroyden, 4×30", KIYANI, "T", 2878.0),
                Published(4.0e-5, "SOAP, PirateNet", JAXPI2, "R"),
            ),
        ),
        Case(
            "burgers",
            {"nu": 0.01},
            "ν = 0.01, −sin πx, t ≤ 1",
            methods=(*TIME, more(12, 96)),
            published=(
                Published(
                    7.97e-14,
                    "DSGNAR, SIREN 4×60, 11,285 parameters",
                    DSGNAR,
                    "R",
                    346.1,
                    H100,
                    "its reference is good to 5e-14",
                ),
                Published(1.88e-12, "DSGNAR, 5,125 parameters", DSGNAR, "R", 144.0, H100),
            ),
        ),
        Case(
            "allen_cahn",
            {},
            "D = 1e-4, 5(u³ − u), x² cos πx",
            methods=(*TIME, more(8, 160)),
            published=(
                Published(1.88e-6, "vRBA + SSBroyden", VRBA, "T"),
                Published(4.0e-6, "SOAP, PirateNet", JAXPI2, "R"),
            ),
        ),
        Case(
            "kdv",
            {},
            "δ = 0.022, cos πx, t ≤ 1",
            methods=(*TIME, more(10, 112)),
            published=(
                Published(
                    8.24e-11, "DSGNAR, 4 slabs, 11,285 parameters", DSGNAR, "T", 1209.7, H100
                ),
                Published(2.17e-6, "vRBA + SSBroyden", VRBA, "T"),
                Published(1.5e-4, "SOAP, PirateNet", JAXPI2, "R"),
            ),
        ),
        Case(
            "wave",
            {},
            "c = 2, sin πx + ½ sin 4πx, t ≤ 1",
            methods=TIME,
            published=(
                Published(1.20e-15, "DSGNAR, 2 slabs, 11,225 parameters", DSGNAR, "T", 635.4, H100),
                Published(6.71e-6, "Levenberg–Marquardt", TINN, "T", 2772.0),
            ),
        ),
        Case(
            "kuramoto_sivashinsky",
            {},
            "100/16, 100/16², 100/16⁴, cos x (1 + sin x), t ≤ 1",
            methods=(*TIME, more(8, 112)),
            published=(
                Published(5.12e-7, "DSGNAR, 8 slabs, 15,265 parameters", DSGNAR, "T", 5226.6, H100),
                Published(6.51e-4, "SSBroyden", KIYANI, "T", 130222.0),
                Published(4.3e-3, "SOAP, PirateNet, pseudo-time", JAXPI2, "R"),
            ),
        ),
        Case(
            "advection",
            {},
            "c = 50, sin x, t ≤ 1",
            methods=TIME,
            published=(
                Published(
                    1e-12,
                    "barycentric interpolant without a network, root mean square error",
                    "arXiv:2506.23024",
                    "A",
                ),
                Published(7.2e-3, "network, L-BFGS in float64", "arXiv:2505.10949", "T"),
            ),
        ),
        Case(
            "helmholtz",
            {},
            "a = (1, 4), k = 1",
            methods=STILL,
            published=(
                Published(2.0e-9, "SPRING, 4×30, 2,971 parameters", HELMHOLTZ, "T", 540.0),
                Published(3.6e-9, "SSBroyden", HELMHOLTZ, "T", 319.0),
                Published(4.2e-4, "SOAP", HELMHOLTZ, "T", 1038.0),
            ),
        ),
        Case(
            "nls",
            {"end": 0.5 * math.pi},
            "2 sech x, t ≤ π/2",
            methods=TIME,
            published=(
                Published(1.97e-2, "network, L-BFGS", "doi:10.1016/j.jcp.2018.10.045", "M"),
            ),
        ),
        Case(
            "lorenz",
            {"end": 20.0},
            "t ≤ 20",
            published=(
                Published(
                    7.0e-3,
                    "causal network",
                    "arXiv:2203.07404",
                    "M",
                    note="the best of three components; their initial data may differ",
                ),
            ),
            methods=(Trained(),),
        ),
    ),
    limit=1500.0,
    tables=(AgainstPublished(), Winners(), Accuracy()),
)
