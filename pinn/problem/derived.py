"""Fields derived from others, as a velocity from a stream function, to state equations in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Array

from pinn.errors import ProblemError, UnknownEntryError
from pinn.jets import Jet, JetFunction, JetSpace
from pinn.jets.calculus import total_derivative

OnJet = Callable[[Any], Any]


def derived_fields(**functions: Callable[[Any], Array]) -> "DerivedFields":
    """Name functions of a jet as fields, so that equations and laws can be written in them.

    What the functions satisfy identically, the network then satisfies to round-off, whatever its
    weights: the flow of a stream function has no divergence, a gradient no curl, and ∫ φ_x dx does
    not change on a circle.

        flow = pinn.derived_fields(
            u=lambda j: j.psi_y, v=lambda j: -j.psi_x, omega=lambda j: j.v_x - j.u_y
        )

        @flow
        def residual(j):  # a function of the jet of ψ
            return j.omega_t + j.u * j.omega_x + j.v * j.omega_y

    A derivative such as `j.omega_x` is the total derivative D_x of the function. A later field may
    use an earlier one.

    Args:
        functions: by name, each field as a function of the jet, a number or an array.

    Raises:
        ProblemError: no field is named.
    """
    if not functions:
        raise ProblemError("derived_fields() names no field: give one, as in u=lambda j: j.psi_y.")
    return DerivedFields(functions)


@dataclass(frozen=True, eq=False)
class DerivedFields:
    """Functions of a jet under the names of fields; call it with a function that uses them."""

    functions: Mapping[str, Callable[[Any], Array]]
    _entries: dict[tuple[JetSpace, str], JetFunction] = field(default_factory=dict, repr=False)

    def __call__(self, function: OnJet) -> OnJet:
        """Return a function written in these fields as one of the jet that they derive from."""

        def substituted(jet: Jet) -> Any:
            return function(_Derived(self, jet, tuple(self.functions)))

        return substituted

    def entry(self, space: JetSpace, name: str, subscripts: str) -> JetFunction:
        """Return D_J of a field as a function on a jet space.

        Raises:
            ProblemError: the space has a field of this name.
        """
        if name in space.fields:
            raise ProblemError(
                f"The derived field {name!r} has the name of a field of the problem: rename it."
            )
        key = (space, f"{name}_{subscripts}")
        if key not in self._entries:
            self._entries[key] = (
                total_derivative(self.entry(space, name, subscripts[:-1]), subscripts[-1])
                if subscripts
                else self._base(space, name)
            )
        return self._entries[key]

    def _base(self, space: JetSpace, name: str) -> JetFunction:
        names = tuple(self.functions)
        earlier, function = names[: names.index(name)], self.functions[name]
        return JetFunction(space, lambda jet: function(_Derived(self, jet, earlier)), name)


class _Derived:
    """A jet that has the entries of derived fields beside its own."""

    def __init__(self, fields: DerivedFields, jet: Jet, names: tuple[str, ...]):
        self._fields, self._jet, self._names = fields, jet, names

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Array:
        space = self._jet.space
        stem, _, tail = name.rpartition("_")
        if name in self._names:
            return self._fields.entry(space, name, "")(self._jet)
        if stem in self._names and tail and set(tail) <= set(space.coordinates):
            subscripts = "".join(sorted(tail, key=space.coordinates.index))
            return self._fields.entry(space, stem, subscripts)(self._jet)
        try:
            return self._jet[name]
        except UnknownEntryError as error:
            known = ", ".join(self._names)
            raise UnknownEntryError(f"{error}; derived fields are {known}") from None
