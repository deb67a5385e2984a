"""The jet of a field at a point: its value and its derivatives there, by name."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
from jaxtyping import Array

from pinn.errors import UnknownEntryError
from pinn.jets.space import JetSpace


@jax.tree_util.register_pytree_with_keys_class
class Jet(Mapping[str, Array]):
    """Values of coordinates and derivatives, as attributes `j.u_xt` or as items `j["u_xt"]`.

    A jet holds either one point or, with leading axes on every entry, many.
    """

    __slots__ = ("_values", "space")

    def __init__(self, space: JetSpace, values: Mapping[str, Array]):
        self.space = space
        self._values = values

    def __getitem__(self, name: str) -> Array:
        canonical = self.space.canonical(name)
        if canonical not in self._values:
            raise UnknownEntryError(
                f"This jet does not hold {name!r}, only {', '.join(sorted(self._values))}: "
                "ask for it when the jet is computed."
            )
        return self._values[canonical]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self.space.canonical(name) in self._values
        except UnknownEntryError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Jet({', '.join(f'{name}={value}' for name, value in self._values.items())})"

    def tree_flatten_with_keys(self):
        """Flatten into the entries' values, with the space as static structure."""
        names = tuple(sorted(self._values))
        keyed = [(jax.tree_util.DictKey(name), self._values[name]) for name in names]
        return keyed, (self.space, names)

    @classmethod
    def tree_unflatten(cls, structure, values) -> "Jet":
        """Rebuild a jet from its structure and the entries' values."""
        space, names = structure
        return cls(space, dict(zip(names, values, strict=True)))
