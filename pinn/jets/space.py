"""The jet space of a problem: its coordinates, its fields, and the names of derivatives."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pinn.errors import ProblemError, UnknownEntryError, near_matches

Shape = tuple[int, ...]
_TAKEN = ("space", "get", "items", "keys", "values")


class Entry(NamedTuple):
    """The derivative ∂^|J| of `field`, with `orders[i]` derivatives along coordinate i."""

    field: str
    orders: tuple[int, ...]


@dataclass(frozen=True)
class JetSpace:
    """Coordinates (single letters) and the shapes of the fields over them.

    An entry is named `field_subscripts`, as in `u_xt`; the order of subscripts does not matter, and
    the canonical name sorts them in the order of the coordinates.

    Args:
        coordinates: in order.
        field_shapes: by field.
        others: what a jet may hold besides: unknown constants and functions, of which the functions
            of coordinates have derivatives too.
    """

    coordinates: tuple[str, ...]
    field_shapes: tuple[tuple[str, Shape], ...]
    others: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, coordinates: Sequence[str], fields: Mapping[str, Shape], others: Iterable[str] = ()
    ) -> "JetSpace":
        """Build the space, and refuse names that subscripts could not tell apart."""
        for name in coordinates:
            if len(name) != 1 or not name.isalpha():
                raise ProblemError(
                    f"The coordinate {name!r} is not a single letter, so that subscripts such as "
                    f"'u_{name}' would be ambiguous: rename it to one letter."
                )
        for name in fields:
            if not name.isidentifier() or name in coordinates or name.startswith("_"):
                raise ProblemError(
                    f"The field {name!r} needs a name that is a Python identifier, has no leading "
                    "underscore and is not a coordinate: rename it."
                )
            if name in _TAKEN:
                raise ProblemError(
                    f"The field name {name!r} is taken by jets themselves, as are "
                    f"{', '.join(_TAKEN)}: rename the field."
                )
            stem, _, tail = name.rpartition("_")
            if stem in fields and tail and set(tail) <= set(coordinates):
                raise ProblemError(
                    f"The field {name!r} has the name of a derivative of {stem!r}: rename it."
                )
        shapes = tuple((name, _checked_shape(name, shape)) for name, shape in fields.items())
        for name in others:
            if not name.isidentifier() or name.startswith("_") or name in (*_TAKEN, *coordinates):
                raise ProblemError(
                    f"The unknown {name!r} needs a name that is a Python identifier, has no "
                    f"leading underscore and is not a coordinate or one of {', '.join(_TAKEN)}: "
                    "rename it."
                )
        return cls(tuple(coordinates), shapes, tuple(others))

    @property
    def fields(self) -> dict[str, Shape]:
        """The shape of each field by name."""
        return dict(self.field_shapes)

    @property
    def columns(self) -> dict[str, slice]:
        """The place of each field's components among those of all fields, one after the other."""
        found, start = {}, 0
        for name, shape in self.field_shapes:
            found[name] = slice(start, start + math.prod(shape))
            start = found[name].stop
        return found

    @property
    def components(self) -> int:
        """How many components the fields have together."""
        return sum(math.prod(shape) for _, shape in self.field_shapes)

    def is_coordinate(self, name: str) -> bool:
        """Tell whether `name` is a coordinate rather than a field's derivative."""
        return name in self.coordinates

    def parse(self, name: str) -> Entry:
        """Return the entry that a name such as `u_xxt` stands for.

        Raises:
            UnknownEntryError: the field or a subscript does not exist.
        """
        return _parse(self, name)

    def name(self, entry: Entry) -> str:
        """Return the canonical name of an entry: `u_tx`, never `u_xt` when t comes before x."""
        subscripts = "".join(c * n for c, n in zip(self.coordinates, entry.orders, strict=True))
        return f"{entry.field}_{subscripts}" if subscripts else entry.field

    def canonical(self, name: str) -> str:
        """Return the canonical spelling of a coordinate's or an entry's name."""
        if name in self.coordinates or self.is_other(name):
            return name
        return self.name(self.parse(name))

    def is_other(self, name: str) -> bool:
        """Tell whether a name is an unknown's, or that of a derivative of an unknown function."""
        stem, _, subscripts = name.rpartition("_")
        return name in self.others or (stem in self.others and {*subscripts} <= {*self.coordinates})

    def raised(self, name: str, coordinate: str) -> str:
        """Return the name of ∂/∂(coordinate) of an entry: `u_x` raised by `x` is `u_xx`."""
        entry = self.parse(name)
        index = self.coordinates.index(coordinate)
        orders = tuple(n + (i == index) for i, n in enumerate(entry.orders))
        return self.name(Entry(entry.field, orders))

    def shape(self, name: str) -> Shape:
        """Return the array shape of a coordinate (scalar) or of a field's derivative."""
        return () if name in self.coordinates else self.fields[self.parse(name).field]


def _checked_shape(name: str, shape: object) -> Shape:
    whole = isinstance(shape, tuple | list) and all(isinstance(n, int) and n > 0 for n in shape)
    if not whole:
        raise ProblemError(
            f"The field {name!r} has the shape {shape!r}, expected a tuple of positive integers: "
            "() for a scalar, (2,) for a vector in the plane."
        )
    return tuple(shape)


@lru_cache(maxsize=4096)
def _parse(space: JetSpace, name: str) -> Entry:
    fields = space.fields
    if name in fields:
        return Entry(name, (0,) * len(space.coordinates))
    field, _, subscripts = name.rpartition("_")
    if field in fields and subscripts and set(subscripts) <= set(space.coordinates):
        return Entry(field, tuple(subscripts.count(c) for c in space.coordinates))
    known = [*space.coordinates, *fields, *space.others]
    known += [f"{f}_{c}" for f in fields for c in space.coordinates]
    raise UnknownEntryError(
        f"The jet has no entry {name!r}; the fields are {', '.join(fields)} and the subscripts "
        f"{', '.join(space.coordinates)}{near_matches(name, known)}"
    )
