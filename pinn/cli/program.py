"""The entry point: one command, one exit code, one sentence where something is wrong."""

import os
import sys
import traceback
import warnings
from argparse import Namespace
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

from pinn.cli.arguments import parse
from pinn.cli.text import remark
from pinn.errors import PinnError


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 is success, 1 an incomplete or not converged training, a machine that computes wrongly or a
    study with failures, 2 wrong input, an error in the user's own code included, and 130 an
    interruption.
    """
    words = sys.argv[1:] if words is None else words
    try:
        with _own_warnings_as_sentences():
            code = _run(parse(words))
        sys.stdout.flush()
        return code
    except PinnError as error:
        if "--debug" in words:
            traceback.print_exception(error)
        remark(f"pinn: {error}")
        return 2
    except KeyboardInterrupt as interrupt:
        remark(str(interrupt) or "Interrupted.")
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def _own_warnings_as_sentences() -> Generator[None]:
    """Print the library's own warnings as sentences, and other warnings as ever."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category.__module__.startswith("pinn."):
                remark(f"pinn: {message}")
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = cast(Any, show)
        yield


def _run(arguments: Namespace) -> int:
    match arguments.command:
        case "list":
            from pinn.cli.show import list_problems

            list_problems()
        case "show":
            from pinn.cli.show import show_problem

            show_problem(arguments.problem, arguments.plain)
        case "doctor":
            from pinn.cli.diagnosis import diagnose

            return diagnose()
        case "check":
            from pinn.cli.run import check_problem

            return check_problem(arguments)
        case "solve":
            from pinn.cli.run import solve_problem

            return solve_problem(arguments)
        case "resume":
            from pinn.cli.run import resume_run

            return resume_run(arguments)
        case "plot":
            from pinn.cli.saved import plot_run

            return plot_run(arguments)
        case "benchmark":
            from pinn.cli.benchmark import benchmark

            return benchmark(arguments)
        case "learning":
            from pinn.cli.learning import show_learning

            return show_learning(arguments)
    return 0
