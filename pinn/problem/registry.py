"""The registry: problems by name, by file and from installed packages, loaded on first use."""

import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pinn.errors import FunctionError, PinnError, ProblemError, near_matches, place, reason
from pinn.problem.catalogue import Listing, catalogue, listings_in
from pinn.problem.origin import Kind, Origin, source_of

if TYPE_CHECKING:
    from pinn.problem.problem import Problem

GROUP = "pinn.problems"
_registered: dict[str, "Factory"] = {}
_loading: list[str] = []


@dataclass(frozen=True, eq=False)
class Factory:
    """A registered function that builds a problem; calling it checks the parameters' names."""

    function: Callable[..., "Problem"]
    kind: Kind = "file"

    def __post_init__(self):
        for attribute in ("__doc__", "__name__", "__qualname__", "__module__"):
            object.__setattr__(self, attribute, getattr(self.function, attribute))
        object.__setattr__(self, "__wrapped__", self.function)

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return str(getattr(self.function, "__name__", "problem"))

    def __call__(self, *args: Any, **parameters: Any) -> "Problem":
        """Build the problem, and note its name, parameters and origin on it."""
        signature = inspect.signature(self.function)
        for given in parameters:
            if given not in signature.parameters:
                raise ProblemError(
                    f"The problem {self.name!r} has no parameter {given!r}, only "
                    f"{', '.join(signature.parameters) or 'none'}"
                    f"{near_matches(given, signature.parameters)}."
                )
        try:
            bound = signature.bind(*args, **parameters)
        except TypeError as error:
            raise ProblemError(f"The problem {self.name!r} cannot be built: {error}.") from error
        bound.apply_defaults()
        self._check_values(signature, bound.arguments)
        # A file may make arrays before anybody has switched to double precision.
        with _double():
            problem = self._build(bound)
            return dataclasses.replace(
                problem, name=self.name, parameters=dict(bound.arguments), origin=self._origin()
            )

    def _check_values(self, signature: inspect.Signature, values: Mapping[str, Any]) -> None:
        """Refuse values that stand for many: traced ones, and the axis of a family."""
        from pinn.problem.axes import Interval, Periodic
        from pinn.problem.functions import is_traced, traced_sentence

        for name, value in values.items():
            if is_traced(value):
                raise ProblemError(
                    traced_sentence(f"The parameter {name!r} of the problem {self.name!r}")
                )
            usual = signature.parameters[name].default
            if isinstance(value, Interval | Periodic) and not isinstance(usual, type(value)):
                raise ProblemError(
                    f"The parameter {name!r} of the problem {self.name!r} is given {value!r}, "
                    "which stands for many values: give one number, and solve a problem for each."
                )

    def _build(self, bound: inspect.BoundArguments) -> "Problem":
        try:
            problem = self.function(*bound.args, **bound.kwargs)
        except PinnError:
            raise
        except Exception as error:
            stated = ", ".join(f"{k}={v}" for k, v in bound.arguments.items())
            raise FunctionError(
                f"The problem {self.name!r} cannot be built with {stated} ({reason(error)})"
                f"{place(error)}: its docstring, which `pinn show` prints, has good values."
            ) from error
        if not hasattr(type(problem), "initial_state"):
            raise ProblemError(
                f"The function {self.name!r} returned {type(problem).__name__}, expected a "
                "pinn.Problem."
            )
        return problem

    def _origin(self) -> Origin:
        kind = self.kind
        source = "" if kind == "catalogue" else source_of(self.function)
        return Origin(kind, self.name, source, self.function.__module__)


def register(function: Callable[..., "Problem"]) -> Factory:
    """Register a function that builds a problem, under the function's name.

    The function's parameters, with their defaults, are the problem's parameters; its docstring is
    what `pinn show` prints.
    """
    module = sys.modules.get(function.__module__)
    factory = Factory(function, getattr(module, "__pinn_kind__", "file"))
    _registered[factory.name] = factory
    return factory


def get(name: str, **parameters: Any) -> "Problem":
    """Build a problem by name, or from a file: `kepler`, `my_problem.py`, `my_file.py:kepler`.

    Raises:
        ProblemError: no such problem or parameter; close names are listed.
    """
    return factory(name)(**parameters)


def factory(name: str) -> Factory:
    """Return the registered factory of a name or a file, importing it on first use."""
    path, _, chosen = str(name).partition(":")
    if path.endswith(".py"):
        return _from_file(Path(path), chosen)
    if name in _registered:
        return _registered[name]
    if name in catalogue():
        return _from_catalogue(name)
    packaged = {point.name: point for point in entry_points(group=GROUP)}
    if name in packaged:
        return _from_package(packaged[name])
    known = [*catalogue(), *_registered, *packaged]
    raise ProblemError(
        f"There is no problem {name!r}{near_matches(name, known)}; `pinn list` shows all, and a "
        "file that ends in .py works too."
    )


def listings() -> dict[str, Listing]:
    """Return every problem that ships with the library, without importing JAX."""
    return catalogue()


def listing(name: str) -> Listing:
    """Return what a problem's file says about it, read without running it.

    Raises:
        ProblemError: no such problem.
    """
    path, _, chosen = str(name).partition(":")
    if not path.endswith(".py"):
        return _pick(catalogue(), name, "`pinn list` shows all")
    found = _listings_of_file(Path(path))
    if not chosen and len(found) > 1:
        raise ProblemError(_several(path, found))
    return _pick(found, chosen or next(iter(found)), f"{path} has {', '.join(found)}")


def _pick(found: Mapping[str, Listing], name: str, hint: str) -> Listing:
    if name not in found:
        raise ProblemError(f"There is no problem {name!r}{near_matches(name, found)}; {hint}.")
    return found[name]


def _several(path: object, names: Iterable[str]) -> str:
    return (
        f"The file {str(path)!r} registers {', '.join(names)}: choose one, as in "
        f"'{path}:{next(iter(names))}'."
    )


def load_module(path: Path, kind: str = "file", source: str | None = None) -> ModuleType:
    """Run a problem file under a name of its own, and register what it defines."""
    text = path.read_text() if source is None else source
    digest = hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()[:12]
    name = f"pinn_problems.{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    vars(module).update(__file__=str(path), __pinn_kind__=kind, __pinn_source__=text)
    sys.modules[name] = module
    _loading.append(name)
    try:
        with _double():
            exec(compile(text, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _loading.pop()
    return module


def loading() -> bool:
    """Tell whether a problem file is being run right now."""
    return bool(_loading)


def rebuild(origin: Origin, parameters: Mapping[str, Any]) -> "Problem":
    """Build a problem again from its origin; a user's file is run from the text that was saved."""
    if origin.kind == "file":
        module = load_module(Path(f"{origin.factory}.py"), source=origin.source)
        return _factories_in(module)[origin.factory](**parameters)
    shipped = origin.kind == "catalogue" and origin.factory in catalogue()
    found = _from_catalogue(origin.factory) if shipped else factory(origin.factory)
    return found(**parameters)


def _from_catalogue(name: str) -> Factory:
    """Return a problem that ships with the library, even where the user registered a namesake."""
    return _factories_in(load_module(catalogue()[name].path, kind="catalogue"))[name]


def _from_file(path: Path, chosen: str) -> Factory:
    if not path.is_file():
        raise ProblemError(f"There is no problem file {str(path)!r}: check the path.")
    try:
        module = load_module(path.resolve())
    except PinnError:
        raise
    except (Exception, SystemExit) as error:
        raise FunctionError(_cannot_import(f"problem file {str(path)!r}", error)) from error
    factories = _factories_in(module)
    if not factories:
        raise ProblemError(
            f"The file {str(path)!r} registers no problem: decorate a function with @pinn.register."
        )
    if not chosen and len(factories) > 1:
        raise ProblemError(_several(path, factories))
    chosen = chosen or next(iter(factories))
    if chosen not in factories:
        raise ProblemError(
            f"The file {str(path)!r} registers no {chosen!r}, only {', '.join(factories)}"
            f"{near_matches(chosen, factories)}."
        )
    return factories[chosen]


def _from_package(point: Any) -> Factory:
    try:
        with _double():
            loaded = point.load()
    except (Exception, SystemExit) as error:
        where = f"installed package behind the problem {point.name!r} ({point.value})"
        raise FunctionError(_cannot_import(where, error)) from error
    factories = _factories_in(loaded) if isinstance(loaded, ModuleType) else {point.name: loaded}
    if not isinstance(factories.get(point.name), Factory):
        raise ProblemError(
            f"The installed package behind the problem {point.name!r} registers no such function: "
            "its entry point must name a module or function decorated with @pinn.register."
        )
    return dataclasses.replace(factories[point.name], kind="package")


def _double() -> AbstractContextManager[None]:
    from pinn.precision import arithmetic  # JAX, which names alone do not need

    return arithmetic("float64")


def _cannot_import(what: str, error: BaseException) -> str:
    return (
        f"The {what} cannot be imported: {reason(error)}{place(error)}; mend it there, or install "
        "what is missing."
    )


def _factories_in(module: ModuleType) -> dict[str, Factory]:
    found = {v.name: v for v in vars(module).values() if isinstance(v, Factory)}
    return {n: f for n, f in found.items() if f.function.__module__ == module.__name__} or found


def _listings_of_file(path: Path) -> dict[str, Listing]:
    if not path.is_file():
        raise ProblemError(f"There is no problem file {str(path)!r}: check the path.")
    found = listings_in(path)
    if not found:
        raise ProblemError(
            f"The file {str(path)!r} registers no problem: decorate a function with @pinn.register."
        )
    return found
