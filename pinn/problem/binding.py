"""A problem with numbers and functions in place of its unknowns."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jaxtyping import Array

from pinn.errors import ProblemError, UnknownEntryError, near_matches
from pinn.jets import Jet, JetSpace, lift
from pinn.problem.conditions import AbstractCondition
from pinn.problem.ends import PERIOD
from pinn.problem.functions import Guarded
from pinn.problem.openness import checked_value
from pinn.problem.unknowns import Unknown, taken

if TYPE_CHECKING:
    from pinn.problem.problem import Problem


@dataclass(frozen=True)
class Bound:
    """A problem's function of the jet, with its unknowns known.

    Args:
        function: the user's.
        space: the jet space with the unknowns among its entries.
        known: their values; a function for an unknown function.
        over: by unknown field, the coordinates that it depends on.
    """

    function: Callable[[Jet], Any]
    space: JetSpace
    known: Mapping[str, Any]
    over: Mapping[str, tuple[str, ...]]

    def __call__(self, jet: Jet) -> Any:
        """Evaluate at a jet without the unknowns."""
        return self.function(Jet(self.space, _Entries(self.known, self.over, jet)))


class _Entries(Mapping[str, Any]):
    """The entries of a jet, with those that are known beside them."""

    def __init__(self, known: Mapping[str, Any], over: Mapping[str, tuple[str, ...]], jet: Jet):
        self._known, self._over, self._jet = known, over, jet

    def __getitem__(self, name: str) -> Any:
        if name in self._over:
            return self._derivative(name, "")
        if name in self._known:
            value = self._known[name]
            return value if callable(value) else jnp.asarray(value, jnp.result_type(float))
        stem, _, subscripts = name.rpartition("_")
        return self._derivative(stem, subscripts) if stem in self._over else self._jet[name]

    def _derivative(self, name: str, subscripts: str) -> Array:
        function, over = self._known[name], self._over[name]
        if {*subscripts} - {*over}:
            return jnp.zeros(())
        for index, coordinate in enumerate(over):
            order = subscripts.count(coordinate)
            if order:
                lifted = lift(function, index, order)
                function = lambda *point, lifted=lifted: lifted(*point)[-1]  # noqa: E731
        return jnp.asarray(function(*(self._jet[c] for c in over)))

    def __contains__(self, name: object) -> bool:
        stem = str(name).rpartition("_")[0]
        return name in self._known or stem in self._over or name in self._jet

    def __iter__(self) -> Iterator[str]:
        yield from self._known
        yield from self._jet

    def __len__(self) -> int:
        return len(self._known) + len(self._jet)


def bound(problem: "Problem", known: Mapping[str, Any], checked: bool = True) -> "Problem":
    """Return a problem with values in place of some of its unknowns.

    Args:
        problem: the problem.
        known: a number or array for each constant and each unknown initial value, a function of its
            arguments for each unknown function.
        checked: refuse names that are no unknowns, and values that these cannot have.

    Raises:
        ProblemError: a name is not an unknown, or a value has the wrong kind, shape or size.
    """
    if checked:
        for name in known:
            if name not in problem.unknown_names:
                raise ProblemError(
                    f"The problem {problem.name!r} has no unknown {name!r}; its unknowns are "
                    f"{', '.join(problem.unknown_names) or 'none'}"
                    f"{near_matches(name, problem.unknown_names)}."
                )
        known = {name: checked_value(problem, name, value) for name, value in known.items()}
    return _Binding(problem, dict(known)).problem()


def bound_function(
    problem: "Problem", function: Callable[[Jet], Any], known: Mapping[str, Any]
) -> Callable[[Jet], Any]:
    """Return a function of the jet with values in place of the unknowns that it reads."""
    over = {n: f.over for n, f in problem.coefficients.items() if n in known}
    entries = {n: value for n, value in known.items() if n in problem.space.others}
    return Bound(function, problem.space, entries, over)


@dataclass(frozen=True)
class _Binding:
    """Puts values in place of unknowns, in every function that a problem states."""

    open: "Problem"
    known: Mapping[str, Any]

    def problem(self) -> "Problem":
        """Return the problem, of which nothing is derived yet."""
        given, known = self.open, self.known
        left = {n: u for n, u in given.unknowns.items() if n not in known}
        stated = {
            "unknowns": left,
            "functions": {n: f for n, f in given.functions.items() if n not in known},
            "coefficients": {n: f for n, f in given.coefficients.items() if n not in known},
            "initial": {n: self._initial(n, v) for n, v in given.initial.items()},
            "boundary": [self._condition(c) for c in given.boundary],
            "conserved": {n: self._law(law) for n, law in given.conserved.items()},
        }
        if given.orbit is not None and PERIOD in known:
            interval = given.interval
            end = interval.lower + float(known[PERIOD])
            stated["axes"] = {**given.axes, given.time: replace(interval, upper=end)}
        for name in ("lagrangian", "residual", "dissipation", "force"):
            stated[name] = self._function(getattr(given, name))
        if given.exact is not None:
            stated["exact"] = self._named(given.exact)
        found = copy.copy(given)
        for name in [n for n in vars(found) if n not in {f.name for f in fields(given)}]:
            del found.__dict__[name]  # what was derived of the open problem
        for name, value in stated.items():
            object.__setattr__(found, name, value)
        values = {**given.values, **known}
        object.__setattr__(found, "values", values)
        object.__setattr__(found, "found", {})
        return found

    def _function(self, function: Callable[[Jet], Any] | None) -> Callable[[Jet], Any] | None:
        if function is None or not self.known:
            return function
        return bound_function(self.open, function, self.known)

    def _named(self, function: Any) -> Any:
        """Return a function of coordinates that takes its unknowns by name, with these given."""
        if not callable(function):
            return function
        takes = taken(function, self.known)
        if not takes:
            return function
        inner = getattr(function, "function", function)
        given = partial(inner, **{n: self.known[n] for n in takes})
        return replace(function, function=given) if isinstance(function, Guarded) else given

    def _initial(self, name: str, value: Any) -> Any:
        canonical = self.open.space.canonical(name)
        if isinstance(value, Unknown):
            return self.known.get(canonical, value)
        value = self._named(value)
        return value() if callable(value) and not self.open.extent else value

    def _condition(self, condition: AbstractCondition) -> AbstractCondition:
        ends = {"lower": self._named(condition.lower), "upper": self._named(condition.upper)}
        condition = replace(condition, **ends)
        try:
            condition.operator(self.open.closed_space).needs  # noqa: B018
        except UnknownEntryError:
            stated = {n: getattr(condition, n) for n in ("field", "axis", "lower", "upper", "hard")}
            return _Known(**stated, left=self._function(condition.left_side))
        return condition

    def _law(self, law: Any) -> Any:
        if callable(law):
            return self._function(law)
        if isinstance(law, Mapping):
            return {key: self._law(part) for key, part in law.items()}
        if is_dataclass(law) and not isinstance(law, type):
            return replace(law, **{n: self._law(v) for n, v in vars(law).items()})
        return law


@dataclass(frozen=True)
class _Known(AbstractCondition):
    """A condition whose left side reads unknowns, with these known."""

    left: Callable[[Jet], Any] | None = None

    @property
    def estimated(self) -> bool:
        """It is a row of the loss whatever the values are, which JAX may be tracing."""
        return True

    def left_side(self, jet: Jet) -> Array:
        """Return the left side."""
        assert self.left is not None
        return self.left(jet)
