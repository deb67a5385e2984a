"""What problem files say about themselves, read from their syntax tree without running them."""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pinn.errors import ProblemError, reason


@dataclass(frozen=True)
class Listing:
    """A registered problem as its file presents it.

    Args:
        name: the registered name.
        path: the file.
        documentation: the factory's docstring.
        parameters: each parameter as written, with annotation and default.
        inverse: whether it has unknowns, which are found from data.
    """

    name: str
    path: Path
    documentation: str
    parameters: tuple[str, ...]
    inverse: bool = False

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.documentation.strip().partition("\n")[0]


def problems_folder() -> Path:
    """Return the folder of the problems that ship with the library, installed or in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "problems"
    return installed if installed.is_dir() else package.parent / "problems"


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Listing]:
    """Return the problems that ship with the library, by name."""
    found: dict[str, Listing] = {}
    for path in sorted(problems_folder().glob("*.py")):
        found |= listings_in(path)
    return found


def listings_in(path: Path) -> dict[str, Listing]:
    """Return the problems that one file registers.

    Raises:
        ProblemError: the file is not Python, or cannot be read.
    """
    try:
        tree = ast.parse(path.read_text())
    except SyntaxError as error:
        raise ProblemError(
            f"The problem file {str(path)!r} is not valid Python: line {error.lineno}, {error.msg}."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ProblemError(
            f"The problem file {str(path)!r} cannot be read as Python ({reason(error)}): give a "
            "text file that registers a problem."
        ) from error
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        f.name: Listing(f.name, path, ast.get_docstring(f) or "", _parameters(f), _inverse(f))
        for f in functions
        if any(_is_register(decorator) for decorator in f.decorator_list)
    }


def _is_register(decorator: ast.expr) -> bool:
    return ast.unparse(decorator) in ("pinn.register", "register")


def _inverse(function: ast.FunctionDef) -> bool:
    names = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return bool(names & {"pinn.Unknown", "pinn.Field", "pinn.Function"})


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    arguments = [*function.args.posonlyargs, *function.args.args]
    defaults = [None] * (len(arguments) - len(function.args.defaults)) + function.args.defaults
    pairs = [*zip(arguments, defaults, strict=True)]
    pairs += zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return tuple(_parameter(argument, default) for argument, default in pairs)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    text = ast.unparse(argument)
    return text if default is None else f"{text} = {ast.unparse(default)}"
