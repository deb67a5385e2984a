"""What every table is: a function of the rows."""

import abc
from collections.abc import Sequence

from pinn.benchmark.report.groups import Record


class AbstractTable(abc.ABC):
    """A way to show rows; a subclass is a frozen dataclass of choices."""

    @abc.abstractmethod
    def render(self, records: Sequence[Record]) -> str:
        """Return Markdown."""
