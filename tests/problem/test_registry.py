"""Problems by name, by file and from their origin."""

import inspect
import textwrap
from pathlib import Path

import jax.numpy as jnp
import pytest

import pinn
from pinn.errors import ProblemError
from pinn.problem.catalogue import catalogue, listings_in
from pinn.problem.registry import _registered, factory, listing, listings, rebuild

SPRING = '''
"""A file of one's own."""

import pinn

STIFFNESS = {stiffness}


@pinn.register
def spring_of_mine(mass: float = 2.0, *, end=1.0) -> pinn.Problem:
    """A mass on a spring.

    The second line is not the summary.
    """
    return pinn.Problem(
        axes={{"t": pinn.Interval(0.0, end)}},
        fields={{"x": ()}},
        lagrangian=lambda j: 0.5 * mass * j.x_t**2 - 0.5 * STIFFNESS * j.x**2,
        initial={{"x": 1.0, "x_t": 0.0}},
    )
'''
TWO = """
    import pinn

    def statement(lagrangian):
        return pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)}, fields={"x": ()}, lagrangian=lagrangian,
            initial={"x": 1.0, "x_t": 0.0},
        )

    @pinn.register
    def free_of_mine():
        return statement(lambda j: 0.5 * j.x_t**2)

    @pinn.register
    def falling_of_mine(g=9.81):
        return statement(lambda j: 0.5 * j.x_t**2 - g * j.x)

    def helper():
        return None
"""


def write(name, text):
    Path(name).write_text(textwrap.dedent(text))
    return name


def acceleration(problem):
    """The acceleration at the start, to tell problems apart."""
    state = {"t": 0.0, **problem.initial_state}
    jet = problem.dynamics.on_shell({n: jnp.asarray(v) for n, v in state.items()})
    (highest,) = problem.dynamics.highest.values()
    return jet[highest]


def test_file():
    path = write("spring.py", SPRING.format(stiffness=3.0))
    problem = pinn.get(path, mass=1.5)
    assert problem.name == "spring_of_mine"
    assert dict(problem.parameters) == {"mass": 1.5, "end": 1.0}
    assert acceleration(problem) == -2.0
    assert acceleration(pinn.get(f"{path}:spring_of_mine")) == -1.5
    assert acceleration(pinn.get(str(Path(path).resolve()))) == -1.5


def test_file_with_several_problems_needs_a_choice():
    path = write("two.py", TWO)
    with pytest.raises(
        ProblemError,
        match=r"registers free_of_mine, falling_of_mine: choose one, as in 'two.py:free_of_mine'",
    ):
        pinn.get(path)
    assert acceleration(pinn.get("two.py:falling_of_mine", g=2.0)) == -2.0
    with pytest.raises(
        ProblemError, match=r"registers no 'fall_of_mine', only .*did you mean 'falling_of_mine'"
    ):
        pinn.get("two.py:fall_of_mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", r"'bad.py' registers no problem: decorate a function with @pinn.register"),
        ("", r"'bad.py' registers no problem"),
        ("def f(:\n    pass\n", r"'bad.py' cannot be imported: SyntaxError: .*line 1"),
        ("import nothing_of_that_name\n", r"cannot be imported: ModuleNotFoundError"),
        ("1 / 0\n", r"cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_bad_file_gets_a_sentence(text, message):
    write("bad.py", text)
    with pytest.raises(ProblemError, match=message):
        pinn.get("bad.py")
    write("bad.py", SPRING.format(stiffness=1.0))  # and may be mended in the same session
    assert acceleration(pinn.get("bad.py")) == -0.5


def test_missing_file():
    with pytest.raises(ProblemError, match=r"no problem file 'nowhere/mine.py': check the path"):
        pinn.get("nowhere/mine.py")
    with pytest.raises(ProblemError, match=r"no problem file 'mine.py'"):
        listing("mine.py")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("keplr", r"no problem 'keplr'.*did you mean 'kepler'.*`pinn list` shows all"),
        ("harmonic", r"did you mean 'harmonic_oscillator'"),
        ("zzz", r"no problem 'zzz'; `pinn list` shows all, and a file that ends in .py"),
        ("", r"no problem ''"),
    ],
)
def test_unknown_name_lists_the_close_ones(name, message):
    with pytest.raises(ProblemError, match=message):
        pinn.get(name)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eccentricty": 0.3}, r"'kepler' has no parameter 'eccentricty', only .*'eccentricity'"),
        ({"zzz": 1.0}, r"no parameter 'zzz', only eccentricity, mu, periods\.$"),
    ],
)
def test_unknown_parameter_lists_the_close_ones(parameters, message):
    with pytest.raises(ProblemError, match=message):
        pinn.get("kepler", **parameters)


def test_too_many_positional_parameters():
    with pytest.raises(ProblemError, match="'kepler' cannot be built: too many positional"):
        factory("kepler")(1.0, 2.0, 3.0, 4.0)


def test_parameter_without_default_is_asked_for():
    path = write(
        "needs.py",
        """
        import pinn

        @pinn.register
        def needs_a_mass(mass):
            return None
        """,
    )
    with pytest.raises(ProblemError, match="cannot be built: missing a required argument: 'mass'"):
        pinn.get(path)


def test_factory_that_returns_no_problem_is_told_so():
    path = write(
        "forgets.py",
        """
        import pinn

        @pinn.register
        def forgets_to_return():
            pinn.Problem
        """,
    )
    with pytest.raises(ProblemError, match=r"'forgets_to_return'.*pinn\.Problem"):
        pinn.get(path)


def test_decorated_function_is_still_a_function():
    @pinn.register
    def local_of_mine(k: float = 4.0):
        """Documented."""
        return pinn.Problem(
            axes={"t": pinn.Interval(0.0, 1.0)},
            fields={"x": ()},
            residual=lambda j: j.x_tt + k * j.x,
            initial={"x": 1.0, "x_t": 0.0},
        )

    assert local_of_mine.__doc__ == "Documented."
    assert str(inspect.signature(local_of_mine)) == "(k: float = 4.0)"
    assert acceleration(local_of_mine(k=2.0)) == -2.0
    assert acceleration(local_of_mine(3.0)) == -3.0
    assert acceleration(pinn.get("local_of_mine")) == -4.0


def test_problem_of_the_catalogue_knows_its_origin():
    problem = pinn.get("harmonic_oscillator", omega=2.0)
    assert (problem.origin.kind, problem.origin.factory) == ("catalogue", "harmonic_oscillator")
    assert problem.origin.source == ""
    again = rebuild(problem.origin, problem.parameters)
    assert again.parameters == problem.parameters and again.parameters["omega"] == 2.0
    assert acceleration(again) == acceleration(problem) == -4.0


def test_origin_carries_the_file_as_it_was():
    """Also after the file has changed and is gone."""
    path = write("spring.py", SPRING.format(stiffness=3.0))
    old = pinn.get(path, mass=1.0)
    assert old.origin.kind == "file" and old.origin.factory == "spring_of_mine"
    assert old.origin.source == Path(path).read_text()
    write("spring.py", SPRING.format(stiffness=5.0))
    new = pinn.get(path, mass=1.0)
    assert acceleration(new) == -5.0 and new.origin.source != old.origin.source
    Path(path).unlink()
    again = rebuild(old.origin, old.parameters)
    assert acceleration(again) == -3.0 and again.origin == old.origin
    assert acceleration(rebuild(again.origin, again.parameters)) == -3.0


def test_origin_chooses_among_several():
    problem = pinn.get(write("two.py", TWO) + ":falling_of_mine", g=3.0)
    assert acceleration(rebuild(problem.origin, problem.parameters)) == -3.0


def test_listing_reads_a_file_without_running_it():
    path = write("spring.py", SPRING.format(stiffness=1.0) + "\nraise RuntimeError('was run')\n")
    found = listing(path)
    assert found.name == "spring_of_mine" and found.summary == "A mass on a spring."
    assert found.parameters == ("mass: float = 2.0", "end = 1.0")
    assert set(listings_in(Path(write("two.py", TWO)))) == {"free_of_mine", "falling_of_mine"}
    assert listing("two.py:falling_of_mine").parameters == ("g = 9.81",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("keplr", "no problem 'keplr'.*did you mean 'kepler'"),
        ("two.py:fal", r"no problem 'fal'"),
        ("empty.py", "registers no problem"),
        ("bad.py", r"'bad.py' is not valid Python: line 2"),
    ],
)
def test_listing_of_what_is_not_there(name, message):
    write("two.py", TWO)
    write("empty.py", "")
    write("bad.py", "x = 1\ndef f(:\n")
    with pytest.raises(ProblemError, match=message):
        listing(name)


def test_catalogue_lists_every_problem_with_a_summary():
    assert listings() is catalogue() and "kepler" in catalogue()
    assert all(entry.summary.endswith(".") for entry in catalogue().values())
    assert all(entry.name == name for name, entry in catalogue().items())


def test_a_namesake_does_not_take_a_shipped_problems_place_in_its_solvers():
    shipped = pinn.get("van_der_pol", end=1.0)

    @pinn.register
    def van_der_pol(end: float = 1.0) -> pinn.Problem:
        """Another problem with the same name."""
        return pinn.get("lorenz", end=end)

    try:
        assert set(pinn.get("van_der_pol").fields) != set(shipped.fields)
        again = rebuild(shipped.origin, shipped.parameters)
        assert again.fields == shipped.fields
    finally:
        _registered.pop("van_der_pol")


def test_the_catalogue_tells_which_problems_have_unknowns():
    for name, entry in catalogue().items():
        stated = pinn.get(name)
        assert entry.inverse == bool(stated.unknown_names and not stated.two_point), name
