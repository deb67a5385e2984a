"""Other libraries and this one: the same problems, core, clock, test grid and reference.

Every library trains for the same seconds by `peers/run.py`, with several recipes: its optimisers,
and initial data that are exact (hard) or a loss (soft). Its error is kept along the way, so that
"times faster" compares the times at which both reach the same error, not our time with their whole
budget. Of a library the best recipe counts. Ours is the default recipe, and beside it a network
whose hidden layers are trained, so that networks are compared with networks. A problem is run by
one library after the other, then the next problem; seeds are the outer order, and the same command
goes on from where it was interrupted.
"""

import inspect
from pathlib import Path

import pinn
from pinn.benchmark import Case, Outside, Study, Trained
from pinn.benchmark.report import Accuracy, AgainstPeers
from pinn.problem.registry import factory

SECONDS, SEEDS = 60, (0, 1, 2)
PROBLEMS = (
    "harmonic_oscillator", "pendulum", "kepler", "burgers", "wave", "kdv", "nls", "allen_cahn",
)  # fmt: skip
# Each recipe of a library: the peer that `peers/run.py` knows, and its initial data.
LIBRARIES = {
    "DeepXDE": (("deepxde", "hard"), ("deepxde", "soft")),
    "jinns": (
        ("jinns", "hard"),
        ("jinns", "soft"),
        ("jinns_ssbroyden", "hard"),
        ("jinns_ssbroyden", "soft"),
    ),
    "PINA": (("pina", "hard"),),
    "Scimba": (("scimba", "hard"),),
    "jNO": (("jno", "hard"),),
}
MODULES = {"jinns_ssbroyden": "jinns"}
PARTS = {"jinns": ("jinns_parts",)}
HERE = Path(__file__).parent / "peers"
SHARED = ("run", "adapter", "ansatz", "statements", "exporting", "interpolation", "judging")

COLLOCATION = "pinn, least-squares collocation"
PER_WINDOW = "pinn, a network per window"
HIDDEN = "pinn, trained hidden layers"


def defaults(name: str) -> dict[str, float]:
    """Return every parameter of a problem, so that peers and ours are known to solve the same."""
    signature = inspect.signature(factory(name).function)
    return {n: p.default for n, p in signature.parameters.items()}


def title(peer: str, initial: str) -> str:
    """Return what tables call a recipe of a library."""
    return peer if initial == "hard" else f"{peer}, {initial}"


def recipe(peer: str, initial: str) -> Outside:
    """Return the program that runs one recipe of a library."""
    words = ("peers/run.py", peer, "{problem}", "--seconds", str(SECONDS))
    more = () if initial == "hard" else ("--initial", initial)
    module = MODULES.get(peer, peer)
    named = (*SHARED, "measuring", "environments", module, *PARTS.get(module, ()))
    files = tuple(HERE / f"{name}.py" for name in named)
    return Outside(
        ("python", *words, "--seed", "{seed}", "--parameters", "{parameters}", *more),
        name=title(peer, initial),
        sources=(*files, HERE / "requirements" / f"{module}.txt"),
    )


def ours(name: str) -> tuple[Trained, ...]:
    """Return the default recipe, named for what it is, and a network with trained hidden layers.

    In mechanics the default is such a network. Over space it is a least-squares collocation in
    time and space in the form of a network, linear in its weights.
    """
    if not factory(name)().extent:
        return (Trained(name=PER_WINDOW),)
    hidden = pinn.Network(width=24, depth=2, spread=1.0, harmonics=4)
    return (Trained(name=COLLOCATION), Trained(pinn.Recipe(network=hidden), name=HIDDEN))


def methods(name: str) -> tuple[Trained | Outside, ...]:
    """Return what solves a problem: ours, then every recipe of every library."""
    return (*ours(name), *(recipe(*one) for recipes in LIBRARIES.values() for one in recipes))


STUDY = Study(
    title="How do other libraries do in the same time?",
    cases=tuple(
        Case(name, defaults(name), seeds=(seed,), methods=methods(name))
        for seed in SEEDS
        for name in PROBLEMS
    ),
    limit=SECONDS + 480.0,
    tables=(
        AgainstPeers(
            tuple((n, tuple(title(*one) for one in recipes)) for n, recipes in LIBRARIES.items()),
            (COLLOCATION, PER_WINDOW),
            (HIDDEN, PER_WINDOW),
        ),
        Accuracy(),
    ),
)
