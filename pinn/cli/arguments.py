"""The commands and their options, and one sentence where they are wrong."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from pinn import __version__
from pinn.errors import PinnError, near_matches

DEFAULTS = {
    "in mechanics": {"points": 32, "steps": 60, "width": 32, "depth": 1, "conservation": 1.0},
    "over a line": {"points": 3220, "steps": 30, "waves": 80, "times": 8, "conservation": 0.01},
    "over a plane": {"points": 4540, "steps": 30, "waves": 8, "times": 8, "conservation": 0.01},
    "stationary": {"points": 3772, "steps": 30, "waves": 24, "conservation": 0.01},
}
"""What the recipe holds by default, for the help only; a test compares them.

Over space that is where the waves of the solution are not known from the start.
"""


class UsageError(PinnError):
    """The command line asks for something that does not exist."""


class Parser(argparse.ArgumentParser):
    """A parser that raises one sentence instead of printing its usage and leaving."""

    def __init__(self, **keywords):
        super().__init__(
            **keywords,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong as one sentence, with where to find help unless it has a guess."""
        sentence = f"{message[0].upper()}{message[1:]}"
        help_is = f"; `{self.prog} --help` shows what there is."
        raise UsageError(sentence if sentence.endswith("?)") else sentence + help_is)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the command and its options.

    Raises:
        UsageError: there is no such command or option, or a value is missing or wrong.
    """
    parser, commands = _build()
    if words and not words[0].startswith("-") and words[0] not in commands:
        parser.error(f"There is no command {words[0]!r}{near_matches(words[0], commands)}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        _refuse(unknown[0], commands[arguments.command])
    return arguments


def _refuse(word: str, command: Parser) -> NoReturn:
    if not word.startswith("-"):
        command.error(f"There is a word too many, {word!r}")
    option = word.partition("=")[0]
    known = re.findall(r"(?<!\S)--[a-z-]+", command.format_help())
    command.error(f"There is no option {option!r}{near_matches(option, known)}")


def _build() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="pinn",
        description="Physics-informed neural networks that know the conservation laws of the "
        "problem they solve.",
        epilog="PROBLEM is a name that `pinn list` shows, or a file, as in my_problem.py or\n"
        "my_problems.py:one_of_them.",
    )
    parser.add_argument("--version", action="version", version=f"pinn {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    made = {}
    for name, (summary, fill) in _COMMANDS.items():
        made[name] = commands.add_parser(name, help=summary, description=f"{summary}.")
        fill(made[name])
        made[name].add_argument(
            "--debug", action="store_true", help="show where in the code an error arose"
        )
    return parser, made


def _list(parser: Parser) -> None:
    pass


def _show(parser: Parser) -> None:
    _problem(parser)
    parser.add_argument(
        "--plain", action="store_true", help="only what the file says, without deriving anything"
    )


def _check(parser: Parser) -> None:
    _problem(parser)
    _set(parser)
    _budget(parser, "the check")
    _quiet(parser)
    _no_cache(parser)


def _solve(parser: Parser) -> None:
    _problem(parser)
    _set(parser)
    parser.add_argument("--out", metavar="FOLDER", help="save the solver in this new folder")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what is in the folder of --out"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first parameters (0)")
    parser.add_argument(
        "--data", metavar="CSV", help="measurements to find the problem's unknowns from"
    )
    parser.add_argument(
        "--noise", type=float, metavar="X", help="their standard deviation (estimated)"
    )
    _recipe(parser.add_argument_group("recipe"))
    _comparison(parser)
    _quiet(parser)
    _no_cache(parser)


def _recipe(group: argparse._ArgumentGroup) -> None:
    def add(name: str, kind: type, metavar: str, text: str) -> None:
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, type=kind, metavar=metavar, help=text + _default(name))

    add("steps", int, "N", "the most training steps in each window")
    add("points", int, "N", "collocation points in each window")
    add("width", int, "N", "units in each hidden layer of a perceptron")
    add("depth", int, "N", "hidden layers of a perceptron")
    add("waves", int, "N", "over space, the highest wave number of a separable network")
    add("times", int, "N", "over space, its polynomials in a window's time")
    add("windows", int, "N", "this many windows of equal length, instead of adaptive ones")
    add("tolerance", float, "X", "the dimensionless residual that a window is trained to")
    held = "off, a weight, penalty, augmented or exact; by charge, as in energy=exact"
    add("conservation", str, "MODE", held)
    add("optimiser", str, "NAME", "an optimiser of Optax, as in adam, instead of Gauss–Newton")
    add("learning_rate", float, "X", "of the optimiser")
    group.add_argument(
        "--precision", choices=("float64", "float32"), help="of all arithmetic (float64)"
    )


def _default(name: str) -> str:
    """Return what an option is by default, for each kind of problem where they differ."""
    values = {kind: stated[name] for kind, stated in DEFAULTS.items() if name in stated}
    if len(set(values.values())) < 2:
        return "".join(f" ({value})" for value in list(values.values())[:1])
    return f" ({', '.join(f'{value} {kind}' for kind, value in values.items())})"


def _run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="a folder that `pinn solve --out` wrote")
    parser.add_argument(
        "--trust", action="store_true", help="run the problem file that the folder carries"
    )


def _plot(parser: Parser) -> None:
    _run(parser)
    parser.add_argument("--out", metavar="FILE", help="a .png, .svg or .pdf (RUN.png)")
    parser.add_argument(
        "--no-compare", action="store_false", dest="compare", help="draw no reference and no error"
    )


def _resume(parser: Parser) -> None:
    _run(parser)
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="the most steps in each window; trains a complete run in one window further",
    )
    _comparison(parser)
    _quiet(parser)
    _no_cache(parser)


def _benchmark(parser: Parser) -> None:
    def flag(name: str, text: str) -> None:
        parser.add_argument(name, action="store_true", help=text)

    parser.add_argument(
        "study", metavar="STUDY", help="a file that sets STUDY, or the name of one in benchmarks/"
    )
    parser.add_argument(
        "--only",
        metavar="WORD",
        action="append",
        default=[],
        help="run only what has this word in its title, as --list shows it; may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time (1)")
    parser.add_argument("--limit", type=float, metavar="S", help="seconds for one run")
    parser.add_argument("--out", metavar="FOLDER", help="of the results (results/ by the study)")
    parser.add_argument("--readme", metavar="FILE", help="put the tables between its marks")
    flag("--list", "only list the runs")
    flag("--render", "only write the tables from the rows that there are")
    flag("--stale", "run also what other code, problems or defaults measured")
    flag("--retry", "run also what failed")
    flag("--check", "run all, write nothing, and fail where anything is ten times worse")
    _quiet(parser)


def _learning(parser: Parser) -> None:
    parser.add_argument(
        "demo", metavar="DEMO", nargs="?", help="which one; without it, all are listed"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (0)")


def _doctor(parser: Parser) -> None:
    pass


def _problem(parser: Parser) -> None:
    parser.add_argument("problem", metavar="PROBLEM", help="a name, or a file FILE[:name]")


def _set(parser: Parser) -> None:
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="set a parameter of the problem; may be repeated",
    )


def _quiet(parser: Parser) -> None:
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _comparison(parser: Parser) -> None:
    parser.add_argument(
        "--no-compare",
        action="store_false",
        dest="compare",
        help="compute no reference, and print no scores",
    )
    _budget(parser, "the comparison")


def _budget(parser: Parser, what: str) -> None:
    text = f"seconds for {what}; what is not had in time is said (600)"
    parser.add_argument("--budget", type=float, default=600.0, metavar="S", help=text)


def _no_cache(parser: Parser) -> None:
    parser.add_argument(
        "--no-cache", action="store_false", dest="cache", help="keep no compiled programs on disk"
    )


_COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "list": ("List the problems by name", _list),
    "show": ("Show a problem: equation, symmetries, parameters, and what follows from them", _show),
    "check": ("Check everything that a problem claims", _check),
    "solve": ("Train a solver, and score it against a reference", _solve),
    "resume": ("Go on training a saved solver", _resume),
    "plot": ("Draw a saved solution, its error and the drift of its charges", _plot),
    "benchmark": ("Run a study of problems × methods × seeds, or go on with it", _benchmark),
    "learning": ("Show a conservation law inside learning at work, in about a minute", _learning),
    "doctor": ("Check that this machine computes correctly", _doctor),
}
