"""What the library says when something is wrong: what, what was expected, and what to do."""

import difflib
from collections.abc import Iterable


class PinnError(Exception):
    """Every error that a user can mend; the command line prints it without a traceback."""


class ProblemError(PinnError, ValueError):
    """The problem as stated is wrong: a bad shape, a false symmetry, a charge that is not kept."""


class UnknownEntryError(ProblemError, AttributeError, KeyError):
    """A jet was asked for an entry that does not exist, or that was not computed."""

    __str__ = Exception.__str__  # KeyError would show the sentence in quotes


class RecipeError(PinnError, ValueError):
    """The training recipe asks for something impossible."""


class TrainingError(PinnError, RuntimeError):
    """Training gave nothing that could be kept."""


class CheckpointError(PinnError, OSError):
    """A saved solver cannot be written or read back."""


class NotConverged(UserWarning):
    """A solution came back whose residual on unseen points is above what was asked for."""


def near_matches(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'a' or 'b'?)`, or nothing when no known word is close."""
    close = difflib.get_close_matches(word, sorted(set(known)), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(name) for name in close)}?)" if close else ""
