"""Studies by name or by file."""

from pathlib import Path

import pinn
from pinn.benchmark.study import Study
from pinn.errors import PinnError, ProblemError, near_matches
from pinn.problem.registry import load_module

FOLDER = "benchmarks"


def study_files() -> dict[str, Path]:
    """Return the studies in `benchmarks/` here and beside the library, by name."""
    places = (Path(pinn.__file__).parents[1] / FOLDER, Path(FOLDER))
    files = [file for place in places for file in sorted(place.glob("*.py"))]
    return {file.stem: file for file in files if "STUDY" in file.read_text()}


def load_study(name: str) -> tuple[Study, Path]:
    """Return a study and its file.

    Raises:
        ProblemError: there is no such study, or its file does not define one.
    """
    path = Path(name) if name.endswith(".py") else study_files().get(name)
    if path is None:
        known = study_files()
        raise ProblemError(
            f"There is no study {name!r}{near_matches(name, known)}: give a file that ends in .py"
            f"{', or one of ' + ', '.join(sorted(known)) if known else ''}."
        )
    if not path.is_file():
        raise ProblemError(f"There is no study file {str(path)!r}: check the path.")
    study = _study_in(path)
    if not isinstance(study, Study):
        raise ProblemError(
            f"The file {str(path)!r} defines no study: let it set STUDY = "
            "pinn.benchmark.Study(...)."
        )
    return study, path


def _study_in(path: Path) -> object:
    try:
        return getattr(load_module(path.resolve()), "STUDY", None)
    except PinnError:
        raise
    except Exception as error:
        raise ProblemError(
            f"The study file {str(path)!r} cannot be imported ({type(error).__name__}: {error})."
        ) from error
