"""Laws over fields: local laws, walls, seams, and totals at the start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import symmetry
from pinn.jets import Jet, JetFunction, JetSpace, euler_operator, homotopy, total_derivative
from pinn.jets.random import random_jets
from pinn.noether.anchor import anchor
from pinn.noether.current import noether_current, symmetry_defect
from pinn.noether.totals import outflow, through, total
from pinn.noether.variation import random_functions, variations
from pinn.noether.verify import verified_charges, verify
from pinn.spectral import Grid

T, CIRCLE, LINE = pinn.Interval(0.0, 1.0), pinn.Periodic(-2.0, 2.0), pinn.Interval(0.0, 1.0)


def kdv(**conserved):
    return pinn.Problem(
        axes={"t": T, "x": CIRCLE},
        fields={"u": ()},
        residual=lambda j: j.u_t + 6.0 * j.u * j.u_x + j.u_xxx,
        initial={"u": lambda x: jnp.cos(0.5 * jnp.pi * x)},
        conserved=conserved,
    )


def heat(*boundary, **conserved):
    return pinn.Problem(
        axes={"t": T, "x": LINE},
        fields={"u": ()},
        residual=lambda j: j.u_t - j.u_xx,
        initial={"u": lambda x: 0.0 * x},
        boundary=boundary,
        conserved=conserved,
    )


def wave(boundary, *symmetries, axes=None, **statement):
    return pinn.Problem(
        axes=axes or {"t": T, "x": LINE},
        fields={"u": ()},
        lagrangian=lambda j: 0.5 * j.u_t**2 - 0.5 * j.u_x**2,
        initial={
            "u": lambda x: jnp.sin(jnp.pi * x) ** 2,
            "u_t": lambda x: jnp.sin(jnp.pi * x) ** 2,
        },
        boundary=boundary,
        symmetries=symmetries,
        **statement,
    )


def schroedinger(*symmetries, axis=CIRCLE):
    def lagrangian(j):
        a, b = j.psi
        a_t, b_t = j.psi_t
        return b * a_t - a * b_t - j.psi_x @ j.psi_x + (j.psi @ j.psi) ** 2

    return pinn.Problem(
        axes={"t": T, "x": axis},
        fields={"psi": (2,)},
        lagrangian=lagrangian,
        initial={"psi": lambda x: jnp.stack([jnp.cos(0.5 * jnp.pi * x), 0.0 * x])},
        symmetries=symmetries,
    )


def defect(problem, name):
    return next(verdict for verdict in verify(problem)[1] if verdict.claim == name)


def densities_agree(problem, name, expected):
    found = verify(problem)[0][name].density
    wanted = JetFunction(problem.space, expected)
    jets = random_jets(problem.space, {*found.needs, *wanted.needs}, 0, 4)
    np.testing.assert_allclose(jax.vmap(found)(jets), jax.vmap(wanted)(jets), atol=1e-13)


def test_declared_densities_of_kdv():
    problem = kdv(
        mass=lambda j: j.u,
        momentum=lambda j: 0.5 * j.u**2,
        energy=lambda j: j.u**3 - 0.5 * j.u_x**2,
    )
    verified_charges(problem)
    assert all(charge.conserved for charge in verify(problem)[0].values())


def test_a_density_that_is_not_conserved_is_refused():
    with pytest.raises(pinn.ProblemError, match="'cube' is not conserved"):
        verified_charges(kdv(cube=lambda j: j.u**3))


def test_a_density_with_explicit_position_is_refused_on_a_circle():
    with pytest.raises(pinn.ProblemError, match="only on the line"):
        verified_charges(kdv(centre=lambda j: j.x * j.u - 3.0 * j.t * j.u**2))


def test_a_flux_is_checked():
    good = pinn.Balance(lambda j: j.u, flux={"x": lambda j: 3.0 * j.u**2 + j.u_xx})
    bad = pinn.Balance(lambda j: j.u, flux={"x": lambda j: 2.0 * j.u**2 + j.u_xx})
    assert defect(kdv(mass=good), "mass").holds
    assert not defect(kdv(mass=bad), "mass").holds


def test_a_flux_along_no_axis_is_refused():
    with pytest.raises(pinn.ProblemError, match="not a space axis"):
        verify(kdv(mass=pinn.Balance(lambda j: j.u, flux={"y": lambda j: j.u})))


def test_a_matrix_of_densities_is_refused():
    with pytest.raises(pinn.ProblemError, match="scalar or a vector"):
        verify(kdv(mass=lambda j: j.u * jnp.ones((2, 2))))


def test_multipliers_give_density_and_flux():
    problem = kdv(
        energy=pinn.Multiplier(lambda j: 3.0 * j.u**2 + j.u_xx),
        mass=pinn.Multiplier(lambda j: 1.0, lambda j: j.u),
    )
    verified_charges(problem)
    charge = verify(problem)[0]["energy"]
    time, space = total_derivative(charge.density, "t"), total_derivative(charge.flux["x"], "x")
    law = problem.dynamics.restricted(JetFunction(problem.space, lambda j: time(j) + space(j)))
    jets = random_jets(problem.space, law.needs, 0, 4)
    assert np.max(np.abs(jax.vmap(law)(jets))) < 1e-12


@pytest.mark.parametrize(
    ("multiplier", "message"),
    [
        (pinn.Multiplier(lambda j: j.u**2), "does not turn the residual into a divergence"),
        (pinn.Multiplier(lambda j: 1.0, lambda j: j.u**2), "into a divergence"),
        (pinn.Multiplier(lambda j: jnp.ones(2)), "has 2 components"),
        (pinn.Multiplier(lambda j: 1.0, lambda j: jnp.stack([j.u, j.u])), "one law"),
    ],
)
def test_false_multipliers_are_refused(multiplier, message):
    with pytest.raises(pinn.ProblemError, match=message):
        verified_charges(kdv(claim=multiplier))


def bbm(**conserved):
    return pinn.Problem(
        axes={"t": T, "x": CIRCLE},
        fields={"u": ()},
        residual=lambda j: j.u_t + j.u_x + j.u * j.u_x - j.u_txx,
        initial={"u": lambda x: jnp.cos(0.5 * jnp.pi * x)},
        conserved=conserved,
    )


def test_bbm_asks_for_a_multiplier():
    with pytest.raises(pinn.ProblemError, match=r"u_txx.*Multiplier"):
        verify(bbm(mass=lambda j: j.u))
    law = pinn.Multiplier(lambda j: j.u, lambda j: 0.5 * (j.u**2 + j.u_x**2))
    assert defect(bbm(momentum=law), "momentum").holds


def test_singular_at_zero_starts_the_homotopy_elsewhere():
    problem = pinn.Problem(
        axes={"t": T, "x": CIRCLE},
        fields={"h": ()},
        residual=lambda j: j.h_t + j.h * j.h_x,
        initial={"h": lambda x: 2.0 + jnp.cos(0.5 * jnp.pi * x)},
        conserved={"entropy": pinn.Multiplier(lambda j: jnp.log(j.h))},
    )
    verified_charges(problem)
    density = verify(problem)[0]["entropy"].density
    slope = jax.vmap(jax.grad(lambda h: density(Jet(problem.space, {"h": h}))))
    values = jnp.linspace(1.0, 3.0, 5)
    np.testing.assert_allclose(slope(values), jnp.log(values), atol=1e-9)


def test_walls_keep_energy_but_not_momentum():
    held = [pinn.Dirichlet("u", "x")]
    problem = wave(held, symmetry.time_translation())
    assert verified_charges(problem)["energy"].leaks == ()
    with pytest.raises(pinn.ProblemError, match="through x = 0"):
        verified_charges(wave(held, symmetry.space_translation("x")))
    kept = wave(held, symmetry.space_translation("x", balance=True))
    assert verified_charges(kept)["momentum"].leaks == (("x", 0), ("x", 1))


def test_moving_walls_do_work():
    moving = [pinn.Dirichlet("u", "x", lower=lambda t: jnp.sin(t))]
    assert defect(wave(moving, symmetry.time_translation()), "energy").kind == "wall"


def test_a_free_end_leaks():
    half = [pinn.Dirichlet("u", "x", upper=None)]
    problem = wave(half, symmetry.time_translation(balance=True))
    assert verified_charges(problem)["energy"].leaks == (("x", 1),)


def test_heat_keeps_its_mass_behind_insulating_walls_only():
    assert defect(heat(pinn.Neumann("u", "x"), mass=lambda j: j.u), "mass").holds
    assert defect(heat(pinn.Dirichlet("u", "x"), mass=lambda j: j.u), "mass").kind == "wall"
    law = pinn.Balance(lambda j: j.u)
    verified = verified_charges(heat(pinn.Dirichlet("u", "x"), mass=law))
    assert verified["mass"].leaks == (("x", 0), ("x", 1))


def test_heat_dissipates():
    law = pinn.Balance(lambda j: 0.5 * j.u**2, lambda j: -(j.u_x**2))
    verified = verified_charges(heat(pinn.Dirichlet("u", "x"), heat=law))
    assert verified["heat"].leaks == () and not verified["heat"].conserved


def test_consequences_of_the_equation_hold_at_walls():
    problem = pinn.Problem(
        axes={"t": T, "x": LINE},
        fields={"a": (), "b": ()},
        residual=lambda j: (j.a_t + j.b_xx, j.b_t - j.a_xx),
        initial={"a": lambda x: 0.0 * x, "b": lambda x: 0.0 * x},
        boundary=[pinn.Dirichlet("a", "x"), pinn.Dirichlet("b", "x")],
        conserved={"energy": lambda j: j.a_x**2 + j.b_x**2},
    )
    assert verified_charges(problem)["energy"].leaks == ()


def test_schroedinger_on_a_circle():
    problem = schroedinger(
        symmetry.phase("psi"), symmetry.time_translation(), symmetry.space_translation("x")
    )
    assert all(charge.conserved for charge in verified_charges(problem).values())
    densities_agree(problem, "norm", lambda j: j.psi @ j.psi)
    densities_agree(problem, "energy", lambda j: j.psi_x @ j.psi_x - (j.psi @ j.psi) ** 2)
    densities_agree(problem, "momentum", lambda j: j.psi[0] * j.psi_x[1] - j.psi[1] * j.psi_x[0])


def test_boosts_are_symmetries_and_jump_at_seams():
    galilei = schroedinger(symmetry.galilean_boost("psi", "x"))
    lorentz = wave((), symmetry.lorentz_boost("x"), axes={"t": T, "x": CIRCLE})
    assert defect(galilei, "centre_of_mass").kind == "seam"
    assert defect(lorentz, "boost").kind == "seam"
    energy = lambda j: 0.5 * j.u_t**2 + 0.5 * j.u_x**2  # noqa: E731
    densities_agree(lorentz, "boost", lambda j: j.x * energy(j) + j.t * j.u_t * j.u_x)


def test_scaling_by_weights():
    weights = {"t": 1.0, "x": 1.0, "u": 0.0}
    problem = wave((), symmetry.scaling(weights, balance=True))
    assert defect(problem, "virial").holds


def test_damped_wave_loses_energy():
    friction = {"dissipation": lambda j: 0.05 * j.u_t**2}
    problem = wave([pinn.Dirichlet("u", "x")], symmetry.time_translation(balance=True), **friction)
    charge = verified_charges(problem)["energy"]
    jet = {"u_t": jnp.asarray(2.0)}
    assert charge.leaks == ()
    assert float(charge.source(Jet(problem.space, jet))) == pytest.approx(-0.4)


def plane(*symmetries):
    return pinn.Problem(
        axes={"t": T, "x": LINE, "y": LINE},
        fields={"v": (2,)},
        lagrangian=lambda j: 0.5 * (j.v_t @ j.v_t - j.v_x @ j.v_x - j.v_y @ j.v_y),
        initial={"v": lambda x, y: jnp.stack([x, y]), "v_t": lambda x, y: jnp.stack([y, y])},
        symmetries=symmetries,
    )


@pytest.mark.parametrize("vectors", [(), ("v",)])
def test_rotation_of_the_plane(vectors):
    turn = symmetry.space_rotation("x", "y", vectors=vectors, balance=True)
    assert defect(plane(turn), "angular_momentum").holds
    problem = plane(symmetry.space_rotation("x", "y", vectors=vectors))
    assert defect(problem, "angular_momentum").kind == "wall"


def test_divergence_of_a_vector_field_s_current():
    problem = plane(symmetry.space_rotation("x", "y", vectors=("v",)))
    lagrangian = problem.action_density
    generator = problem.symmetries[0].build(lagrangian, "t")
    current = noether_current(lagrangian, generator)
    parts = [total_derivative(current[c], c) for c in problem.space.coordinates]
    work = lambda j: jnp.vdot(  # noqa: E731
        generator.characteristic("v")(j), euler_operator(lagrangian, "v")(j)
    )
    change = symmetry_defect(lagrangian, generator)
    law = JetFunction(problem.space, lambda j: sum(p(j) for p in parts) + work(j) - change(j))
    jets = random_jets(problem.space, law.needs, 0, 8)
    assert np.max(np.abs(jax.vmap(law)(jets))) < 1e-12


def test_homotopy_inverts_the_divergence_in_the_plane():
    space = JetSpace.of(("t", "x", "y"), {"u": ()})
    left = JetFunction(space, lambda j: j.u**2 * j.u_xy + j.u_x**3)
    right = JetFunction(space, lambda j: j.u_y * j.u_xx + j.x * j.u)
    pieces = total_derivative(left, "x"), total_derivative(right, "y")
    whole = JetFunction(space, lambda j: pieces[0](j) + pieces[1](j))
    found = homotopy(whole, ("x", "y"))
    again = [total_derivative(found[c], c) for c in "xy"]
    law = JetFunction(space, lambda j: again[0](j) + again[1](j) - whole(j))
    jets = random_jets(space, {*law.needs, "u"}, 0, 8)
    assert np.max(np.abs(jax.vmap(law)(jets))) < 1e-12


def test_weak_euler_operator_tells_divergences():
    space = JetSpace.of(("t", "x"), {"u": ()})
    function = JetFunction(space, lambda j: jnp.stack([j.u * j.u_x, j.u_x**2, j.u_t * j.u_x]))
    domain = {"t": T, "x": CIRCLE}
    totals, sizes = variations(function, random_functions(function, domain, ("t", "x"), {}, 0, 4))
    relative = np.max(np.abs(totals) / sizes, axis=0)
    assert relative[0] < 1e-13 and relative[1] > 1e-3 and relative[2] > 1e-3


def test_anchor_integrates_the_exact_initial_data():
    problem = kdv(mass=lambda j: j.u, energy=lambda j: j.u**3 - 0.5 * j.u_x**2)
    begin = anchor(problem)
    assert begin.jet == {}
    assert begin.charges["mass"] == pytest.approx(0.0, abs=1e-13)
    assert begin.charges["energy"] == pytest.approx(-0.25 * np.pi**2, rel=1e-12)
    assert begin.scales["mass"] == pytest.approx(8.0 / np.pi, rel=1e-3)
    assert begin.scales["energy"] == pytest.approx(0.25 * np.pi**2)


def test_initial_data_that_contradict_a_wall_are_refused():
    with pytest.raises(pinn.ProblemError, match=r"contradict Dirichlet.*x = 1"):
        anchor(wave([pinn.Dirichlet("u", "x", 0.0, 1.0)], symmetry.time_translation()))


def test_totals_and_flows_in_the_plane():
    space = JetSpace.of(("x", "y"), {"u": ()})
    grid = Grid.of({"x": LINE, "y": pinn.Interval(0.0, 2.0)}, {"x": 8, "y": 9})
    at = lambda x, y: Jet(space, {"x": x, "y": y, "u": x * y})  # noqa: E731
    read = JetFunction(space, lambda j: j.u)
    assert float(total(grid, read, at)) == pytest.approx(1.0)
    assert float(through(grid, read, ("x", 1), (0.0, 1.0), at)) == pytest.approx(2.0)


def test_outflow_is_upper_less_lower():
    problem = heat(pinn.Dirichlet("u", "x"), mass=pinn.Balance(lambda j: j.u))
    charge = verified_charges(problem)["mass"]
    grid = Grid.of(problem.extent, {"x": 8})
    at = lambda x: Jet(problem.space, {"u_x": x**2, "u": x**3})  # noqa: E731
    assert float(outflow(charge, grid, at)) == pytest.approx(-1.0)


def test_entries_that_cancel_are_not_asked_for():
    problem = pinn.Problem(
        axes={"t": T, "x": CIRCLE},
        fields={"p": ()},
        lagrangian=lambda j: 0.5 * j.p_t * j.p_x + j.p_x**3 - 0.5 * j.p_xx**2,
        initial={"p": lambda x: jnp.sin(0.5 * jnp.pi * x)},
        symmetries=[symmetry.time_translation(), symmetry.translation("p", name="mass")],
    )
    assert verified_charges(problem)["energy"].density.needs == ("p_x", "p_xx")
    assert anchor(problem).charges["energy"] == pytest.approx(np.pi**4 / 16.0)


def test_stationary_laws_balance_fluxes():
    def poisson(**conserved):
        return pinn.Problem(
            axes={"x": LINE, "y": LINE},
            fields={"u": ()},
            residual=lambda j: j.u_xx + j.u_yy + 1.0,
            boundary=[pinn.Dirichlet("u", "x"), pinn.Dirichlet("u", "y")],
            conserved=conserved,
        )

    flux = {"x": lambda j: -j.u_x, "y": lambda j: -j.u_y}
    law = pinn.Balance(lambda j: 0.0, lambda j: 1.0, flux)
    assert len(verified_charges(poisson(load=law))["load"].leaks) == 4
    found = verified_charges(poisson(load=pinn.Multiplier(lambda j: 1.0)))["load"].flux
    pieces = [total_derivative(found[c], c) for c in "xy"]
    space = JetSpace.of(("x", "y"), {"u": ()})
    law = JetFunction(space, lambda j: sum(p(j) for p in pieces) - j.u_xx - j.u_yy - 1.0)
    jets = random_jets(space, law.needs, 0, 4)
    assert np.max(np.abs(jax.vmap(law)(jets))) < 1e-12
    with pytest.raises(pinn.ProblemError, match="stationary"):
        verify(poisson(load=lambda j: j.u))
