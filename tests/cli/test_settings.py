"""Options and `--set`: what they turn into, and what is refused."""

import dataclasses
import inspect
import re
from typing import Literal

import pytest

import pinn
from pinn.cli.arguments import DEFAULTS, _default, parse
from pinn.cli.run import recipe_of
from pinn.cli.settings import read_settings
from pinn.errors import ProblemError
from pinn.problem.registry import factory, listings


def build(
    end: float = 1.0,
    count: int = 2,
    flag: bool = False,
    word: str = "a",
    pair: tuple[float, float] = (1.0, 2.0),
    many: tuple[int, ...] = (),
    nested: tuple[tuple[float, float], ...] = (),
    rows: list[float] | None = None,
    choice: Literal["left", "right"] = "left",
    loose=1,
    free=None,
    written: "Unknown" = 1.0,
):
    """Take a parameter of every kind."""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("end=3", 3.0),
        ("end=-1e-3", -1e-3),
        ("end=inf", float("inf")),
        ("count=3", 3),
        ("flag=true", True),
        ("flag=False", False),
        ("word=5", "5"),
        ("word=a=b", "a=b"),
        ("word=none", "none"),
        ("pair=(3, 4.5)", (3.0, 4.5)),
        ("pair=3,4", (3.0, 4.0)),
        ("pair=[3,4]", (3.0, 4.0)),
        ("many=1,2,3", (1, 2, 3)),
        ("nested=((1,2),(3,4))", ((1.0, 2.0), (3.0, 4.0))),
        ("rows=[1,2]", [1.0, 2.0]),
        ("rows=none", None),
        ("choice=right", "right"),
        ("loose=2", 2),
        ("loose=2.5", 2.5),
        ("free=(1, 'a')", (1, "a")),
        ("written=2.5", 2.5),
        ("unknown=2.5", "2.5"),
    ],
)
def test_settings_take_the_type_of_the_parameter(setting: str, value: object) -> None:
    (read,) = read_settings("problem", build, [setting]).values()
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("end=true", "takes a number, got 'true': for example --set end=1.0."),
        ("count=1.5", "takes a whole number, got '1.5': for example --set count=2."),
        ("flag=yes", "takes true or false"),
        ("pair=1", "takes 2 values, tuple[float, float]"),
        ("pair=1,2,3", 'for example --set "pair=(1.0, 2.0)".'),
        ("many=1.5,2", "takes a tuple[int, ...]"),
        ("rows=1", "takes a list[float] or none"),
        ("choice=up", "takes one of left, right"),
        ("loose=a", "takes a whole number or a number"),
    ],
)
def test_settings_of_another_type_are_refused(setting: str, expected: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(expected)):
        read_settings("problem", build, [setting])


def test_every_parameter_in_the_catalogue_accepts_its_own_default() -> None:
    for name in listings():
        function = factory(name).function
        for parameter in inspect.signature(function).parameters.values():
            setting = f"{parameter.name}={parameter.default}"
            assert read_settings(name, function, [setting]) == {parameter.name: parameter.default}


KINDS = {
    "in mechanics": "kepler",
    "over a line": "kdv",
    "over a plane": "taylor_green",
    "stationary": "poisson",
}


def asked(name: str, words: str) -> pinn.Recipe:
    return recipe_of(parse(["solve", name, *words.split()]), pinn.get(name))


@pytest.mark.parametrize("name", KINDS.values())
def test_without_options_the_recipe_is_the_default(name: str) -> None:
    assert asked(name, "") == pinn.Recipe()


@pytest.mark.parametrize("kind", KINDS)
def test_the_help_states_the_defaults_of_the_recipe(kind: str) -> None:
    recipe = pinn.Recipe().completed(pinn.get(KINDS[kind]))
    assert isinstance(recipe.network, pinn.Network | pinn.Separable)
    stated = {**dataclasses.asdict(recipe), **dataclasses.asdict(recipe.network)}
    assert set(DEFAULTS) == set(KINDS)
    assert DEFAULTS[kind].items() <= stated.items()


def test_the_help_names_the_kinds_where_defaults_differ() -> None:
    assert "32 in mechanics, 3220 over a line" in _default("points")
    assert _default("conservation").startswith(" (1.0 in mechanics, ") and not _default("optimiser")


def test_options_make_the_recipe() -> None:
    given = "--steps 7 --points 9 --width 5 --depth 2 --conservation 0 --precision float32 "
    uniform = "--windows 3 --tolerance 1e-4 --optimiser adam --learning-rate 0.1"
    expected = pinn.Recipe(
        pinn.Network(width=5, depth=2),
        pinn.Optax("adam", {"learning_rate": 0.1}),
        pinn.Uniform(3, 1e-4),
        points=9,
        steps=7,
        conservation=0.0,
        precision="float32",
    )
    assert asked("kepler", given + uniform) == expected
    assert asked("kepler", "--tolerance 1e-4") == pinn.Recipe(windows=pinn.Adaptive(1e-4))


@pytest.mark.parametrize(
    ("text", "conservation"),
    [
        ("exact", "exact"),
        ("0.5", 0.5),
        ("energy=exact,angular_momentum=0.1", {"energy": "exact", "angular_momentum": 0.1}),
    ],
)
def test_conservation_is_a_mode_a_weight_or_one_for_each_charge(text, conservation) -> None:
    assert asked("kepler", f"--conservation {text}") == pinn.Recipe(conservation=conservation)


@pytest.mark.parametrize("name", ["heat", "wave_2d", "poisson"])
def test_an_option_leaves_the_other_defaults_of_its_problem(name: str) -> None:
    usual = pinn.Recipe().completed(pinn.get(name))
    made = asked(name, "--waves 5 --tolerance 1e-3")
    assert made.network == dataclasses.replace(usual.network, waves=5)
    assert made.windows == dataclasses.replace(usual.windows, tolerance=1e-3)
    assert made.step is None and made.points is None
    bent = asked(name, "--width 5").completed(pinn.get(name)).network
    assert isinstance(bent, pinn.Network) and (bent.width, bent.depth) == (5, 2)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("heat", "--width 5 --waves 5", "give one kind or the other"),
        ("kepler", "--times 5", "need a problem over space"),
    ],
)
def test_options_of_another_network_are_refused(name: str, words: str, expected: str) -> None:
    with pytest.raises(pinn.RecipeError, match=expected):
        asked(name, words)
