"""What the library says when something is wrong: what, what was expected, and what to do."""

import difflib
import sysconfig
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)
_PYTHON = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


class PinnError(Exception):
    """Every error that a user can mend; the command line prints it without a traceback."""


class ProblemError(PinnError, ValueError):
    """The problem as stated is wrong: a bad shape, a false symmetry, a charge that is not kept."""


class UnknownEntryError(ProblemError, AttributeError, KeyError):
    """A jet was asked for an entry that does not exist, or that was not computed."""

    __str__ = Exception.__str__  # KeyError would show the sentence in quotes


class FunctionError(ProblemError):
    """A function of the user's own raises an error; the sentence names function, file and line."""


class RecipeError(PinnError, ValueError):
    """The training recipe asks for something impossible."""


class TrainingError(PinnError, RuntimeError):
    """Training gave nothing that could be kept."""


class CheckpointError(PinnError, OSError):
    """A saved solver cannot be written or read back."""


class BrokenLaw(UserWarning):
    """A law that was verified about the initial data does not hold where the solution goes."""


class NotConverged(UserWarning):
    """A solution came back whose residual on unseen points is above what was asked for."""


class NotSaveable(UserWarning):
    """What is about to be trained could not be saved, since a part of its recipe has no path."""


class DataWarning(UserWarning):
    """Data leave unknowns open, or are not what the model and the noise can give."""


class PrecisionWarning(UserWarning):
    """Numbers in less than double precision enter a problem, or come back from a solution."""


def warn(sentence: str, category: type[Warning]) -> None:
    """Warn at the place outside the library that a call came from."""
    # The initialiser of a dataclass is a frame in a file named <string>; a cached property is one
    # in Python's own.
    warnings.warn(sentence, category, skip_file_prefixes=(_PACKAGE, "<string", *_PYTHON))


def place(error: BaseException) -> str:
    """Return where in the user's own code an error arose, as ` (in f, file 'a.py', line 3)`.

    That is the innermost frame outside this library, Python's and other installed ones; nothing
    where there is none. A mistake of syntax is where Python says.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" (file {error.filename!r}, line {error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _own(f.filename)]
    if not frames:
        return ""
    inside = "" if frames[-1].name.startswith("<") else f"in {frames[-1].name}, "
    return f" ({inside}file {frames[-1].filename!r}, line {frames[-1].lineno})"


def reason(error: BaseException) -> str:
    """Return what went wrong in one line: the type of an error and the first line it says."""
    # Of a mistake of syntax the place is told apart.
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    said, name = text.strip().splitlines(), type(error).__name__
    return f"{name}: {said[0].rstrip('.')}" if said else name


def _own(file: str) -> bool:
    """Tell whether a file is the user's, a problem of the catalogue included."""
    shipped = file.startswith(str(Path(_PACKAGE) / "problems"))
    library = file.startswith((_PACKAGE, *_PYTHON, "<frozen"))
    return shipped or not (library or "site-packages" in file or "dist-packages" in file)


def near_matches(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'a' or 'b'?)`, or nothing when no known word is close."""
    close = difflib.get_close_matches(word, sorted(set(known)), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(name) for name in close)}?)" if close else ""
