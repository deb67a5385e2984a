"""Unknowns and data: what is wrong with them is said in one sentence, before anything is solved."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn.errors import PinnError, ProblemError

TIMES = np.linspace(0.1, 1.0, 8)
KEYWORDS = {"data", "unknowns", "functions", "noise", "observe", "loss"}
DATA = pinn.Data({"t": TIMES}, {"x": np.cos(TIMES)}, 0.1)


def spring(**stated):
    usual = {
        "axes": {"t": pinn.Interval(0.0, 1.0)},
        "fields": {"x": ()},
        "residual": lambda j: j.x_tt + j.k * j.x,
        "initial": {"x": pinn.Unknown(1.0), "x_t": 0.0},
        "unknowns": {"k": pinn.Unknown(1.0, lower=0.0)},
        "data": [DATA],
        "name": "spring",
    }
    return pinn.Problem(**{**usual, **stated})


def plane(**stated):
    return spring(
        fields={"x": (2,)},
        initial={"x": pinn.Unknown(), "x_t": pinn.Unknown()},
        **stated,
    )


def rod(**stated):
    usual = {
        "axes": {"t": pinn.Interval(0.0, 1.0), "x": pinn.Interval(0.0, 1.0)},
        "fields": {"u": (), "a": pinn.Field(over=("x",))},
        "residual": lambda j: j.u_t - j.a * j.u_xx - j.a_x * j.u_x,
        "initial": {"u": lambda x: jnp.sin(jnp.pi * x)},
        "boundary": [pinn.Dirichlet("u", "x")],
        "name": "rod",
    }
    return pinn.Problem(**{**usual, **stated})


def one_sentence(error):
    """Tell whether an error is one sentence that says what to do."""
    text = str(error)
    assert isinstance(error, PinnError)
    assert "\n" not in text and ". " not in text.removesuffix("."), text
    assert text[0].isupper() or text.partition("=")[0] in KEYWORDS, text
    return True


UNKNOWNS = {
    "bounds crossed": (lambda: pinn.Unknown(lower=1.0, upper=0.0), "lower bound must be smaller"),
    "bounds equal": (lambda: pinn.Unknown(lower=1.0, upper=1.0), "lower bound must be smaller"),
    "bound not a number": (lambda: pinn.Unknown(lower="zero"), "lower= .*not a number"),
    "bound that is NaN": (lambda: pinn.Unknown(upper=np.nan), "upper= .*not a number"),
    "guess below": (lambda: pinn.Unknown(-1.0, lower=0.0), "not between its bounds, 0 and inf"),
    "guess at a bound": (lambda: pinn.Unknown(0.0, lower=0.0), "not between its bounds"),
    "guess of words": (lambda: pinn.Unknown("a metre"), "guess .*not a number"),
    "guess without end": (lambda: pinn.Unknown(np.inf), "guess .*not finite"),
    "one guess of many": (lambda: pinn.Unknown((1.0, -1.0), lower=0.0), "not between its bounds"),
    "prior of one": (lambda: pinn.Unknown(prior=1.0), "a mean and a positive standard deviation"),
    "prior without spread": (lambda: pinn.Unknown(prior=(1.0, 0.0)), "positive standard deviation"),
    "prior of words": (lambda: pinn.Unknown(prior=("one", "two")), "a mean and a positive"),
    "field over nothing": (lambda: pinn.Field(over=()), "needs over="),
    "field of one": (lambda: pinn.Field(over="x", count=1), "count of at least 2"),
    "field below": (lambda: pinn.Field("x", lower=1.0, guess=0.5), "guess 0.5 .*below lower=1"),
    "function of none": (lambda: pinn.Function(inputs=0), "at least one number"),
    "function turned": (lambda: pinn.Function(lower=1.0, upper=0.0), "lower end must be smaller"),
}


@pytest.mark.parametrize(("build", "message"), UNKNOWNS.values(), ids=UNKNOWNS)
def test_a_wrong_unknown_is_refused(build, message):
    with pytest.raises(ProblemError, match=message) as refused:
        build()
    assert one_sentence(refused.value)


def measured(points=None, values=None, noise=0.1, **more):
    points = {"t": TIMES} if points is None else points
    return pinn.Data(points, {"x": np.cos(TIMES)} if values is None else values, noise, **more)


ALONE = {
    "no dictionary": (lambda: pinn.Data(TIMES, np.cos(TIMES)), "are two dictionaries"),
    "words": (lambda: measured(values={"x": ["a"] * 8}), "data of 'x' are not numbers"),
    "complex": (lambda: measured(values={"x": TIMES + 1j}), "data of 'x' are complex numbers"),
    "infinite": (lambda: measured(values={"x": TIMES / 0.0}), "infinite numbers: use NaN"),
    "ragged": (lambda: measured(values={"x": [[1.0], [1.0, 2.0]]}), "'x' are not numbers"),
    "no noise at all": (lambda: measured(noise=0.0), "must be positive, got 0: leave it out"),
    "negative noise": (lambda: measured(noise=-0.1), "must be positive, got -0.1"),
    "one noise of many": (lambda: measured(noise=[0.1] * 7 + [0.0]), "must be positive, got 0"),
    "noise that is NaN": (lambda: measured(noise=np.nan), "must be positive, got nan"),
    "noise in words": (lambda: measured(noise="small"), "noise= is not a number"),
    "noise of another length": (lambda: measured(noise=[0.1, 0.2]), r"shape \(2,\).*not fit"),
    "noise of another name": (lambda: measured(noise={"y": 0.1}), "'y', which is not measured"),
    "another loss": (lambda: measured(loss="absolute"), "'squares' or 'huber', got 'absolute'"),
    "observed no function": (lambda: measured(observe={"x": 3.0}), "observe= .*'x'.*function"),
    "observe no dictionary": (lambda: measured(observe=abs), "observe= takes a dictionary"),
}


@pytest.mark.parametrize(("build", "message"), ALONE.values(), ids=ALONE)
def test_wrong_data_are_refused(build, message):
    with (
        np.errstate(divide="ignore"),
        pytest.raises(ProblemError, match=message) as refused,
    ):
        build()
    assert one_sentence(refused.value)


LONG = np.linspace(0.5, 1.5, 8)
HERE = {
    "outside": (lambda: spring(data=[measured({"t": LONG})]), "lie 4 of 8 measurements"),
    "no time": (lambda: spring(data=[measured({})]), "do not say at which 't'"),
    "NaN time": (
        lambda: spring(data=[measured({"t": np.where(TIMES > 0.5, np.nan, TIMES)})]),
        "not say at which 't' 4 of 8 measurements",
    ),
    "another axis": (
        lambda: spring(data=[measured({"t": TIMES, "y": TIMES})]),
        "points of 'y', which is not a coordinate",
    ),
    "fewer times": (
        lambda: spring(data=[measured({"t": TIMES[:5]})]),
        r"'t' have shape \(5,\) for 8",
    ),
    "table of times": (
        lambda: spring(data=[measured({"t": TIMES[:, None]})]),
        r"points of 't' have shape \(8, 1\)",
    ),
    "unknown column": (
        lambda: spring(data=[measured(values={"angle": TIMES})]),
        "'angle', which is no coordinate or entry",
    ),
    "close column": (
        lambda: spring(data=[measured(values={"x_y": TIMES})]),
        "'x_y', which is no coordinate or entry",
    ),
    "two lengths": (
        lambda: spring(data=[measured(values={"x": TIMES, "x_t": TIMES[:4]})]),
        "4 values of 'x_t' and 8 of others",
    ),
    "NaN everywhere": (
        lambda: spring(data=[measured(values={"x": np.full(8, np.nan)})]),
        "no value of 'x' at all",
    ),
    "nothing": (lambda: spring(data=[measured(values={})]), "hold no values"),
    "table of a scalar": (
        lambda: spring(data=[measured(values={"x": np.ones((8, 2))})]),
        r"shape \(8, 2\), expected \(8,\)",
    ),
    "scalars of a vector": (lambda: plane(), r"shape \(8,\), expected \(8, 2\)"),
    "no such component": (
        lambda: plane(data=[measured(values={"x[2]": TIMES})]),
        r"'x\[2\]', but 'x' has the shape \(2,\)",
    ),
    "component of a scalar": (
        lambda: spring(data=[measured(values={"x[0]": TIMES})]),
        r"'x\[0\]', but 'x' has the shape \(\)",
    ),
    "not a list": (lambda: spring(data=DATA), "data= takes a list"),
    "not data": (lambda: spring(data=[{"x": TIMES}]), "data= holds dict, expected pinn.Data"),
    "no unknown": (lambda: spring(unknowns={"k": 1.0}), "expected pinn.Unknown"),
    "no dictionary": (lambda: spring(unknowns=pinn.Unknown()), "unknowns= takes a dictionary"),
    "name of a field": (lambda: spring(unknowns={"x": pinn.Unknown()}), "'x' is used twice"),
    "name of an axis": (lambda: spring(unknowns={"t": pinn.Unknown()}), "'t' needs a name that"),
    "name of an entry": (lambda: spring(unknowns={"x_t": pinn.Unknown()}), "'x_t' is .*entry"),
    "no name": (lambda: spring(unknowns={"spring constant": pinn.Unknown()}), "needs a name that"),
    "twice": (lambda: rod(unknowns={"a": pinn.Unknown()}), "'a' is used twice"),
    "over no axis": (
        lambda: rod(fields={"u": (), "a": pinn.Field(over=("y",))}),
        "over 'y', which is not a coordinate",
    ),
    "guess of another shape": (
        lambda: spring(initial={"x": pinn.Unknown((1.0, 2.0)), "x_t": 0.0}),
        r"guess of 'x' has shape \(2,\), expected \(\)",
    ),
    "unknown of no entry": (
        lambda: spring(initial={"x": pinn.Unknown(), "y": pinn.Unknown()}),
        "'y'",
    ),
    "observed wrongly": (
        lambda: spring(
            data=[measured(values={"e": TIMES}, observe={"e": lambda j: j.speed})],
        ),
        "speed",
    ),
    "observed in another shape": (
        lambda: plane(
            data=[measured(values={"e": TIMES}, observe={"e": lambda j: j.x})],
        ),
        r"'e' in observe= returns arrays of shapes \[\(2,\)\]",
    ),
}


@pytest.mark.parametrize(("build", "message"), HERE.values(), ids=HERE)
def test_data_and_unknowns_that_do_not_belong_to_the_problem_are_refused(build, message):
    with pytest.raises(ProblemError, match=message) as refused:
        build()
    assert one_sentence(refused.value)


FEW = measured({"t": TIMES[:1]}, {"x": TIMES[:1]})
SOLVED = {
    "no data": (lambda: spring(data=[]), "has unknowns .k, x. and no data to find them from"),
    "fewer data than unknowns": (lambda: spring(data=[FEW]), "hold 1 numbers for 2 unknowns"),
    "nothing depends on it": (
        lambda: spring(unknowns={"k": pinn.Unknown(1.0), "mass": pinn.Unknown(1.0)}),
        "depends on the unknown 'mass'",
    ),
}


@pytest.mark.parametrize(("build", "message"), SOLVED.values(), ids=SOLVED)
def test_what_cannot_be_found_is_refused(build, message):
    with pytest.raises(ProblemError, match=message) as refused:
        pinn.solve(build(), progress=False)
    assert one_sentence(refused.value)


AT = {
    "another name": (spring, {"K": 1.0}, "no unknown 'K'; its unknowns are k, x"),
    "words": (spring, {"k": "stiff"}, "value of 'k' .*not a number"),
    "not finite": (spring, {"k": np.nan}, "value of 'k' .*not finite"),
    "another shape": (spring, {"k": (1.0, 2.0)}, r"value of 'k' has shape \(2,\), expected \(\)"),
    "start of another shape": (spring, {"x": (1.0, 2.0)}, r"value of 'x' has shape \(2,\)"),
    "outside its bounds": (spring, {"k": -1.0}, r"value of 'k', -1\.0, is not between its bounds"),
    "number for a function": (rod, {"a": 1.0}, "'a' is a function of x"),
    "function for a number": (spring, {"k": abs}, "value of 'k' .*not a number"),
}


@pytest.mark.parametrize(("build", "values", "message"), AT.values(), ids=AT)
def test_wrong_values_are_refused(build, values, message):
    with pytest.raises(ProblemError, match=message) as refused:
        build().at(**values)
    assert one_sentence(refused.value)


FILES = {
    "empty": ("", "holds no rows"),
    "only names": ("t,x\n", "holds no rows"),
    "text": ("t,x\n0.1,1.0\n0.2,one\n", "Line 3 of .* has 'one' for 'x', which is not a number"),
    "short row": ("t,x\n0.1\n", "Line 2 of .* has 1 cells for 2 columns"),
    "twice": ("t,x,x\n0.1,1.0,1.0\n", "names the column 'x' twice"),
    "no name": ("t,\n0.1,1.0\n", "column 2 .*no name"),
    "no names": ("0.1,1.0\n0.2,1.0\n", "first line .*names"),
    "endless": ("t,x\n0.1,inf\n", "infinite numbers"),
}


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_a_wrong_file_is_refused(text, message):
    Path("swing.csv").write_text(text)
    with pytest.raises(ProblemError, match=message) as refused:
        pinn.Data.read("swing.csv")
    assert one_sentence(refused.value)


def test_a_file_that_is_no_text_is_refused():
    Path("swing.csv").write_bytes(bytes(range(256)))
    with pytest.raises(ProblemError, match=r"'swing.csv' .*not text") as refused:
        pinn.Data.read("swing.csv")
    assert one_sentence(refused.value)
    with pytest.raises(ProblemError, match=r"no data file 'swung\.csv'"):
        pinn.Data.read("swung.csv")
    with pytest.raises(ProblemError, match=r"no data file '\.'"):
        pinn.Data.read(".")


def test_a_file_gives_the_same_data_as_arrays():
    Path("swing.csv").write_text("# measured in May\nt, x, remark\n0.25, 1.0, 3\n0.5, , 4\n")
    with pytest.raises(ProblemError, match="no column 'y'; its columns are t, x, remark"):
        pinn.Data.read("swing.csv", columns=["t", "y"])
    with pytest.raises(ProblemError, match="'remark', which is no coordinate or entry"):
        spring(data=[pinn.Data.read("swing.csv", 0.1)])
    (read,) = spring(data=[pinn.Data.read("swing.csv", 0.1, columns=["t", "x"])]).data
    np.testing.assert_array_equal(read.points["t"], [0.25, 0.5])
    np.testing.assert_array_equal(read.values["x"], [1.0, np.nan])


def test_nothing_is_derived_of_a_problem_with_unknowns():
    with pytest.raises(ProblemError, match=r"pinn.solve finds them.*problem.at\(k=…, x=…\)"):
        spring().dynamics  # noqa: B018
    half = spring().at(k=4.0)
    assert half.unknown_names == ("x",)
    assert half.at(x=1.5).initial_state["x"] == 1.5
    assert dataclasses.replace(spring()).unknown_names == ("k", "x")
