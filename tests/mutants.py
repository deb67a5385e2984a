"""Change one expression of the library at a time and see whether its tests notice.

    python tests/mutants.py --count 30 --seed 0

Each mutant is a copy of the tree in which one place is changed: a comparison turned round, + and −
or × and ÷ exchanged, a number made ten times larger, a condition negated, `abs` or `maximum` left
out, a sum that is returned cut to its first term. A mutant survives, too, where the change
means nothing: a person has to tell.
"""

import argparse
import ast
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import diffrax  # noqa: F401  # imported once, for all the processes that are forked
import flax.nnx  # noqa: F401
import pytest

ROOT = Path(__file__).parents[1]
# The first that a file's path starts with says which tests are run: seconds each, not the suite.
TESTS = {
    "pinn/training/windows": "training/test_windows training/test_rules",
    "pinn/training/gauss_newton": "training/test_gauss_newton training/test_rules",
    "pinn/training/loop": "training/test_rules training/test_gauss_newton",
    "pinn/training/objective": "training/test_objective training/test_multiplied_rows",
    "pinn/training/rows": "training/test_objective",
    "pinn/training/projected": "training/test_conservation training/test_exact_fields",
    "pinn/training/linear": "training/test_linear_rows",
    "pinn/training/": "training/test_reports training/test_rules training/test_starts",
    "pinn/noether/anchor": "solution/test_scores noether/test_verify",
    "pinn/noether/beginning": "solution/test_scores noether/test_field_laws",
    "pinn/noether/projection": "noether/test_projection",
    "pinn/noether/multipliers": "noether/test_multipliers",
    "pinn/noether/sampling": "noether/test_sampling",
    "pinn/noether/": "noether/test_identity noether/test_symmetries noether/test_verify",
    "pinn/": "solution/test_scores solution/test_measure",
}
FLIPPED = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
MUTATED = ("training/", "noether/", "measure", "accuracy", "drift", "scores")
FIRST = ast.parse("(lambda first, *rest, **more: first)", mode="eval").body
DROPPED = {"abs", "maximum", "minimum", "clip"}
Change = tuple[str, ast.expr | ast.stmt, Callable[[], None]]


def changes(tree: ast.AST) -> Iterator[Change]:
    """Yield every change of a module: its kind, where it is, and what makes it in place."""
    for node in _code(tree):
        if isinstance(node, ast.Compare) and (other := FLIPPED.get(type(node.ops[0]))):
            yield "turned", node, lambda n=node, o=other: n.ops.__setitem__(0, o())
        if isinstance(node, ast.BinOp) and (other := FLIPPED.get(type(node.op))):
            yield "exchanged", node, lambda n=node, o=other: setattr(n, "op", o())
        if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value:
            yield "times ten", node, lambda n=node: setattr(n, "value", 10 * n.value)
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            test = ast.UnaryOp(ast.Not(), node.test)
            yield "negated", node.test, lambda n=node, t=test: setattr(n, "test", t)
        if isinstance(node, ast.Call) and node.args and _name(node.func) in DROPPED:
            yield "left out", node, lambda n=node: setattr(n, "func", FIRST)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.BinOp | ast.BoolOp):
            value = node.value
            first = value.left if isinstance(value, ast.BinOp) else value.values[0]
            yield "cut", node, lambda n=node, f=first: setattr(n, "value", f)


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what is executed for its value: no messages, annotations or indices."""
    skipped = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Assert)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "slice"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, skipped):
                yield child
                yield from _code(child)


def tests_of(path: str) -> list[str]:
    """Return the test files that belong to a file of the library."""
    names = next(found for start, found in TESTS.items() if path.startswith(start))
    return [f"tests/{name}.py" for name in names.split()]


def noticed(copy: Path, tests: list[str], limit: float) -> str:
    """Return how the tests took it, in a process that has only to import what is mutated."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(copy, tests))
    process.start()
    process.join(limit)
    process.kill()
    process.join()
    # 11 is a test that failed, 12 a module that could not be imported, 1 an error of this script.
    fates = {10: "survived", 11: "killed", 12: "killed", -9: "out of time"}
    return fates.get(process.exitcode or 0, "not run")


def _run(copy: Path, tests: list[str]) -> None:
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    ignored = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    sys.exit(10 + int(pytest.main(["-x", "-q", "-n", "0", "-W", ignored, *tests])))


def main() -> None:
    """Sample mutants and print what becomes of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for the tests of one")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "os.fork")  # JAX has not computed anything yet
    files = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "pinn").rglob("*.py"))]
    files = [f for f in files if f[5:].startswith(MUTATED)]
    counts = {f: sum(1 for _ in changes(ast.parse((ROOT / f).read_text()))) for f in files}
    places = [(f, i) for f, count in counts.items() for i in range(count)]
    chosen = random.Random(options.seed).sample(places, min(options.count, len(places)))
    print(f"{len(chosen)} of {len(places)} mutants, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        copy, sound = Path(folder) / "tree", {}
        kept = shutil.ignore_patterns(".git", ".venv", "__pycache__", "runs")
        shutil.copytree(ROOT, copy, ignore=kept, symlinks=True)
        for number, (name, index) in enumerate(chosen):
            tests = tests_of(name)
            if (key := " ".join(tests)) not in sound:
                sound[key] = noticed(copy, tests, options.limit)
                print(f"unchanged: {sound[key]} {key}", flush=True)
            tree = ast.parse((ROOT / name).read_text())
            kind, node, make = list(changes(tree))[index]
            told = f"{name}:{node.lineno} {kind}: {ast.unparse(node)[:150]}"
            make()
            (copy / name).write_text(ast.unparse(ast.fix_missing_locations(tree)))
            fate = noticed(copy, tests, options.limit) if sound[key] == "survived" else "not run"
            print(f"{number} {fate} {told}", flush=True)
            shutil.copy(ROOT / name, copy / name)


if __name__ == "__main__":
    main()
