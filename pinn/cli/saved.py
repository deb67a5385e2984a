"""A run that was saved, and its figure: `pinn plot`."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pinn.cli.text import remark
from pinn.errors import CheckpointError, RecipeError

if TYPE_CHECKING:
    from pinn.solution import Solution

FORMATS = (".png", ".svg", ".pdf")


def saved_run(arguments: Namespace) -> "Solution":
    """Load the run that a command names.

    Raises:
        CheckpointError: it is none, or carries a file that is not trusted.
    """
    import pinn

    try:
        return pinn.load(arguments.run, trust=arguments.trust)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace("trust=True", "--trust")) from error


def plot_run(arguments: Namespace) -> int:
    """Draw a saved solution beside its reference, and the posterior of its unknowns.

    Raises:
        RecipeError: the file has no ending that matplotlib writes here.
    """
    out = Path(arguments.out or f"{Path(arguments.run).name}.png")
    if out.suffix not in FORMATS:
        raise RecipeError(
            f"--out takes a name that ends in {', '.join(FORMATS)}, got {str(out)!r}."
        )
    solution = saved_run(arguments)
    import pinn

    reference = pinn.reference(solution.problem) if arguments.compare else None
    written = [out]
    solution.plot(reference).savefig(out)
    if solution.posterior is not None:
        written.append(out.with_stem(f"{out.stem}-posterior"))
        solution.posterior.plot().savefig(written[-1])
    remark(f"Written: {', '.join(map(str, written))}.")
    return 0
