"""Where a problem came from, so that a saved solver can find it again."""

from dataclasses import dataclass
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
    module: str = ""
