"""Figures show what the solution is, by kind of problem, and hide nothing."""

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import LogNorm

import pinn
from pinn.cli import main

QUICK = {
    "line": pinn.Recipe(pinn.Separable(6, 8), windows=pinn.Uniform(1), steps=5),
    "plane": pinn.Recipe(pinn.Separable(4, 4), windows=pinn.Uniform(1), steps=5),
    "stationary": pinn.Recipe(pinn.Separable(1, 6), steps=5),
}


@pytest.fixture(scope="module")
def orbit():
    return pinn.solve(pinn.get("isotropic_oscillator"), progress=False)


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_an_orbit_is_drawn_in_the_plane_with_its_start_and_its_laws(orbit):
    figure = orbit.plot(pinn.reference(orbit.problem))
    plane, series, error, drift = figure.axes
    path, start, reference = plane.get_lines()
    times = np.linspace(0.0, orbit.problem.interval.upper, 800)
    np.testing.assert_allclose(path.get_xydata(), np.asarray(orbit(times)["q"]))
    np.testing.assert_allclose(start.get_xydata()[0], path.get_xydata()[0])
    assert np.max(np.abs(reference.get_xydata() - path.get_xydata())) < 1e-6
    assert len(series.get_lines()) == 4
    assert error.get_yscale() == drift.get_yscale() == "log"
    laws = {line.get_label() for line in drift.get_lines()}
    assert {*orbit.charges(times)} | {"reference"} <= laws
    worst = drift.get_lines()[0].get_ydata()
    assert np.all(np.diff(worst[np.isfinite(worst)]) >= 0.0)


def test_legends_cover_no_curve(orbit):
    figure = orbit.plot(pinn.reference(orbit.problem))
    figure.draw_without_rendering()
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert legends
    for legend in legends:
        assert legend.get_window_extent().y0 >= legend.axes.get_window_extent().y1 - 1.0


def test_a_line_has_a_map_slices_and_the_error():
    solution = pinn.solve(pinn.get("wave"), progress=False, recipe=QUICK["line"])
    assert not solution.converged
    figure = solution.plot(pinn.reference(solution.problem))
    assert "not converged" in figure.get_suptitle()
    assert titles(figure) == ["u", "|error of u|"]
    error = next(axes for axes in figure.axes if axes.get_title() == "|error of u|")
    (painted,) = error.collections
    assert isinstance(painted.norm, LogNorm) and painted.norm.vmax > 1e-3
    slices = next(axes for axes in figure.axes if axes.get_ylabel() == "u")
    assert sum(line.get_linestyle() == ":" for line in slices.get_lines()) == 5


def test_the_drift_of_a_thin_layer_is_resolved():
    solution = pinn.solve(pinn.get("burgers"), progress=False)
    lines = solution.plot(pinn.reference(solution.problem)).axes[-1].get_lines()
    worst = [line.get_ydata()[-1] for line in lines if len(line.get_ydata())]
    assert len(worst) == 4 and max(worst) < 1e-8


def test_a_plane_has_maps_at_three_times_and_a_stationary_one_a_single_map():
    moving = pinn.solve(pinn.get("wave_2d"), progress=False, recipe=QUICK["plane"])
    assert len([t for t in titles(moving.plot()) if t.startswith("u at t = ")]) == 3
    still = pinn.solve(pinn.get("helmholtz"), progress=False, recipe=QUICK["stationary"])
    assert titles(still.plot()) == ["u"]


def test_scores_are_bars(orbit):
    scores = pinn.compare(orbit)
    error, drift = scores.plot().axes
    assert [text.get_text() for text in error.get_yticklabels()] == ["q"]
    assert abs(error.patches[0].get_width() - scores.error["q"]) < 1e-30
    assert [text.get_text() for text in drift.get_yticklabels()] == [*scores.drift]


def test_a_posterior_is_a_corner_whose_ellipses_hold_the_draws():
    problem = pinn.get("pendulum_inverse", end=6.0, count=40)
    solution = pinn.solve(problem, progress=False)
    measured = next(x for x in solution.plot().axes[0].get_lines() if x.get_label() == "measured")
    np.testing.assert_array_equal(measured.get_ydata(), problem.data[0].values["theta"])
    posterior = solution.posterior
    figure = posterior.plot()
    assert len(figure.axes) == 10
    pair = figure.axes[1]
    draws, _, outer = (line.get_xydata() for line in pair.get_lines())
    centre, covariance = np.mean(draws, axis=0), np.cov(draws.T)
    inside = np.linalg.solve(np.linalg.cholesky(covariance), (draws - centre).T)
    share = np.mean(np.sum(inside**2, axis=0) < 2.448**2)
    assert 0.9 < share < 0.99
    assert np.ptp(outer[:, 0]) > 3.0 * np.std(draws[:, 0])


def test_the_command_draws_a_saved_run(orbit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    orbit.save("run")
    assert main(["plot", "run", "--no-compare"]) == 0
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    assert main(["plot", "run", "--out", "orbit.svg"]) == 0
    assert "<svg" in (tmp_path / "orbit.svg").read_text()
    assert main(["plot", "run", "--out", "orbit.jpeg"]) == 2
    assert main(["plot", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert ".png, .svg, .pdf" in said and "nowhere" in said


def test_what_is_left_out_is_said():
    rates = jnp.arange(1.0, 10.0)
    decay = pinn.Problem(
        axes={"t": pinn.Interval(0.0, 0.1)},
        fields={"y": (9,)},
        residual=lambda j: j.y_t + rates * j.y,
        initial={"y": np.ones(9)},
    )
    (axes,) = pinn.solve(decay, progress=False).plot().axes
    assert len(axes.get_lines()) == 7 and "the first 7 of 9" in axes.get_ylabel()
