"""Where a problem came from, so that a saved solver can find it again."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["catalogue", "package", "file"]


@dataclass(frozen=True)
class Origin:
    """How to rebuild a problem: the factory's name and where it is defined.

    Args:
        kind: `catalogue` for a problem that ships with the library, `package` for one that an
            installed package adds, `file` for a user's own file.
        factory: the name of the registered factory.
        source: the file's own text where the kind is `file`, so that a saved solver carries it.
        module: what the factory's module is called in this process.
    """

    kind: Kind
    factory: str
    source: str = ""
    module: str = field(default="", compare=False)


def source_of(function: Callable) -> str:
    """Return the text of the file that a factory is defined in, or nothing if there is none."""
    module = sys.modules.get(function.__module__)
    text = getattr(module, "__pinn_source__", None)
    if text is not None:
        return text
    try:
        return Path(inspect.getsourcefile(function) or "").read_text()
    except (OSError, TypeError):
        return ""
