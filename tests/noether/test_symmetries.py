"""Every symmetry of the catalogue, on a system that has it: the charge is the one of textbooks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pinn
from pinn import symmetry
from pinn.errors import ProblemError
from pinn.jets import JetSpace, on_jets, random_jets
from pinn.noether.current import defect_terms, noether_current, symmetry_defect
from pinn.noether.verify import verified_charges, verify

INTERVAL = pinn.Interval(0.0, 3.0)


def mechanics(lagrangian, shape, symmetries, **more):
    """A problem in one field q, started at some generic state."""
    state = np.random.default_rng(7).uniform(0.5, 1.5, (2, *shape))
    return pinn.Problem(
        axes={"t": INTERVAL},
        fields={"q": shape},
        lagrangian=lagrangian,
        initial={"q": state[0], "q_t": state[1]},
        symmetries=symmetries,
        **more,
    )


def values_of(problem, charges, formula):
    """Each charge by the library and by a formula of (t, q, v), at random points."""
    jets = random_jets(problem.space, ("t", "q", "q_t"), 3, 8)
    found = jax.jit(jax.vmap(lambda j: {n: c.density(j) for n, c in charges.items()}))(jets)
    return found, jax.vmap(lambda j: formula(j.t, j.q, j.q_t))(jets)


def assert_charges(problem, formula):
    charges = verified_charges(problem)
    assert all(charge.source is None for charge in charges.values())
    found, expected = values_of(problem, charges, formula)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0.0, atol=1e-13, err_msg=name)


MASSES = np.array([1.3, 0.7])


def test_free_bodies_have_all_ten_galilean_charges():
    def formula(t, q, v):
        p = jnp.asarray(MASSES)[:, None] * v
        momentum, moment = jnp.sum(p, axis=0), jnp.asarray(MASSES) @ q
        return {
            "energy": 0.5 * jnp.sum(p * v),
            "momentum": momentum,
            "angular_momentum": jnp.sum(jnp.cross(q, p), axis=0),
            "boost": t * momentum - moment,
        }

    def lagrangian(j):
        return 0.5 * jnp.asarray(MASSES) @ jnp.sum(j.q_t**2, axis=1)

    kinds = [
        symmetry.time_translation(),
        symmetry.translation("q"),
        symmetry.rotation("q"),
        symmetry.boost("q", MASSES),
    ]
    assert_charges(mechanics(lagrangian, (2, 3), kinds), formula)


def test_rotation_in_space_turns_by_the_unit_vectors_cross_product():
    """η of the k-th is e_k × q, and the charge is q × p with its sign, whatever the potential."""
    lagrangian = lambda j: 0.5 * j.q_t @ j.q_t - jnp.sum(j.q**2) ** 2  # noqa: E731
    problem = mechanics(lagrangian, (3,), [symmetry.rotation("q", name="turn")])
    assert_charges(problem, lambda t, q, v: {"turn": jnp.cross(q, v)})
    eta = verified_charges(problem)["turn"].generator.eta["q"]
    q = jnp.array([0.3, -1.2, 2.0])
    np.testing.assert_allclose(
        eta(pinn.Jet(problem.space, {"q": q})), jnp.cross(jnp.eye(3), q[None]), rtol=1e-15
    )


def test_rotation_in_the_plane():
    lagrangian = lambda j: jnp.sum(j.q_t**2) - jnp.exp(-jnp.sum(j.q**2))  # noqa: E731
    charge = lambda t, q, v: {  # noqa: E731
        "angular_momentum": 2.0 * jnp.sum(q[:, 0] * v[:, 1] - q[:, 1] * v[:, 0])
    }
    assert_charges(mechanics(lagrangian, (2, 2), [symmetry.rotation("q")]), charge)


def test_conformal_symmetries_of_the_inverse_square_potential():
    """With the energy they close the algebra so(2, 1): E, ½ q·p − tE and t²E − t q·p + ½ q²."""
    lagrangian = lambda j: 0.5 * j.q_t @ j.q_t - 1.3 / (j.q @ j.q)  # noqa: E731
    kinds = [
        symmetry.time_translation(),
        symmetry.scaling("q", time=2.0),
        symmetry.generator(
            "expansion",
            xi=lambda j: j.t**2,
            eta={"q": lambda j: j.t * j.q},
            gauge=lambda j: 0.5 * j.q @ j.q,
            sign=-1.0,
        ),
    ]

    def formula(t, q, v):
        energy = 0.5 * v @ v + 1.3 / (q @ q)
        return {
            "energy": energy,
            "virial": q @ v - 2.0 * t * energy,
            "expansion": t**2 * energy - t * (q @ v) + 0.5 * q @ q,
        }

    problem = mechanics(lagrangian, (2,), kinds)
    charges = verified_charges(problem)
    jets = random_jets(problem.space, ("t", "q", "q_t"), 3, 8, {"q": (1.0, 2.0)})
    for name, charge in charges.items():
        expected = jax.vmap(lambda j, n=name: formula(j.t, j.q, j.q_t)[n])(jets)
        np.testing.assert_allclose(jax.vmap(charge.density)(jets), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("omega", [0.5, 2.0])
def test_solutions_of_the_oscillator_are_symmetries(omega):
    lagrangian = lambda j: 0.5 * j.q_t**2 - 0.5 * omega**2 * j.q**2  # noqa: E731
    wave = symmetry.generator(
        "phase",
        eta={"q": lambda j: jnp.cos(omega * j.t)},
        gauge=lambda j: -omega * jnp.sin(omega * j.t) * j.q,
    )
    charge = lambda t, q, v: {  # noqa: E731
        "phase": v * jnp.cos(omega * t) + omega * q * jnp.sin(omega * t)
    }
    assert_charges(mechanics(lagrangian, (), [wave]), charge)


def test_uniform_fields_need_a_gauge_term():
    """A charge e = 1 in a magnetic field B = 1.4 and a slope g = 0.8."""
    field, slope = 1.4, 0.8

    def lagrangian(j):
        (x, y), (u, v) = j.q, j.q_t
        return 0.5 * (u**2 + v**2) + 0.5 * field * (x * v - y * u)

    kinds = [
        symmetry.translation("q", gauge=lambda j: 0.5 * field * jnp.stack([j.q[1], -j.q[0]])),
        symmetry.rotation("q"),
    ]

    def formula(t, q, v):
        (x, y), (u, w) = q, v
        momentum = jnp.stack([u - field * y, w + field * x])
        turning = x * w - y * u + 0.5 * field * (x**2 + y**2)
        return {"momentum": momentum, "angular_momentum": turning}

    assert_charges(mechanics(lagrangian, (2,), kinds), formula)
    falling = lambda j: 0.5 * j.q_t**2 - slope * j.q  # noqa: E731
    shift = symmetry.translation("q", 1.0, gauge=lambda j: -slope * j.t)
    assert_charges(mechanics(falling, (), [shift]), lambda t, q, v: {"momentum": v + slope * t})


def test_translation_in_one_direction_only():
    lagrangian = lambda j: 0.5 * j.q_t @ j.q_t - jnp.cos(j.q[0] - 2.0 * j.q[1])  # noqa: E731
    slide = symmetry.translation("q", (2.0, 1.0), name="slide")
    problem = mechanics(lagrangian, (2,), [slide])
    assert_charges(problem, lambda t, q, v: {"slide": 2.0 * v[0] + v[1]})


MASS = np.array([[2.0, 0.5], [0.5, 1.0]])
STIFFNESS = np.array([[3.0, -1.0], [-1.0, 2.0]])


def coupled(j):
    inertia, spring = jnp.asarray(MASS), jnp.asarray(STIFFNESS)
    return 0.5 * j.q_t @ inertia @ j.q_t - 0.5 * j.q @ spring @ j.q


def normal_modes(j):
    """The energy of each normal mode, from the generalised eigenvectors of spring and inertia."""
    inverse = np.linalg.inv(np.linalg.cholesky(MASS))
    frequencies, vectors = np.linalg.eigh(inverse @ STIFFNESS @ inverse.T)
    modes = jnp.asarray(inverse.T @ vectors)
    speed, place = (modes.T @ jnp.asarray(MASS) @ value for value in (j.q_t, j.q))
    return 0.5 * speed**2 + 0.5 * jnp.asarray(frequencies) * place**2


def double_pendulum(j):
    (a, b), (u, v) = j.q, j.q_t
    kinetic = u**2 + 0.5 * v**2 + u * v * jnp.cos(a - b)
    return kinetic + 2.0 * jnp.cos(a) + jnp.cos(b)


def double_pendulum_energy(j):
    (a, b), (u, v) = j.q, j.q_t
    kinetic = u**2 + 0.5 * v**2 + u * v * jnp.cos(a - b)
    return kinetic - 2.0 * jnp.cos(a) - jnp.cos(b)


def fradkin(j):
    """A tensor of an isotropic oscillator that turns, its three independent components."""
    tensor = jnp.outer(j.q_t, j.q_t) + jnp.outer(j.q, j.q)
    return tensor[jnp.array([0, 0, 1]), jnp.array([0, 1, 1])]


FROM_CHARGE = [
    ("non-diagonal mass", coupled, normal_modes),
    ("mass that depends on the state", double_pendulum, double_pendulum_energy),
    ("isotropic", lambda j: 0.5 * j.q_t @ j.q_t - 0.5 * j.q @ j.q, fradkin),
    ("depends on time", lambda j: 1.5 * j.q_t @ j.q_t, lambda j: j.q - j.t * j.q_t),
]


@pytest.mark.parametrize(
    ("lagrangian", "charge"), [case[1:] for case in FROM_CHARGE], ids=[c[0] for c in FROM_CHARGE]
)
def test_generator_from_a_charge_gives_the_charge_back(lagrangian, charge):
    problem = mechanics(lagrangian, (2,), [symmetry.from_charge("known", charge)])
    (verdict,) = verify(problem)[1]
    assert verdict.holds and verdict.kind == "symmetry"
    known = verified_charges(problem)["known"]
    derived = noether_current(problem.action_density, known.generator)["t"]
    jets = random_jets(problem.space, ("t", "q", "q_t"), 0, 8)

    def by_hand(jet):
        """η = M⁻¹ ∂G/∂q_t."""
        mass = jax.hessian(lambda v: lagrangian(jet_with(jet, v)))(jet.q_t)
        slope = jax.jacobian(lambda v: charge(jet_with(jet, v)))(jet.q_t)
        return charge(jet), slope @ jnp.linalg.inv(mass)

    functions = (derived, known.density, known.generator.eta["q"])
    evaluate = jax.jit(jax.vmap(lambda j: ([f(j) for f in functions], by_hand(j))))
    (current, density, eta), (expected, eta_by_hand) = evaluate(jets)
    np.testing.assert_allclose(current, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(density, expected, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(eta, eta_by_hand, rtol=0.0, atol=1e-13)


def jet_with(jet, velocity):
    return pinn.Jet(jet.space, {**jet, "q_t": velocity})


def test_charge_that_is_none_generates_no_symmetry():
    problem = mechanics(coupled, (2,), [symmetry.from_charge("wrong", lambda j: j.q @ j.q_t)])
    with pytest.raises(ProblemError, match="'wrong' is not a symmetry of the Lagrangian"):
        verified_charges(problem)


STRING = JetSpace.of(("t", "x"), {"u": ()})
WAVE = JetSpace.of(("t", "x"), {"psi": (2,)})


def schrodinger(j):
    """NLS iψ_t + ψ_xx + 2|ψ|²ψ = 0 with ψ = a + ib."""
    (a, b), (a_t, b_t) = j.psi, j.psi_t
    return b * a_t - a * b_t - j.psi_x @ j.psi_x + (j.psi @ j.psi) ** 2


def turned(j):
    a, b = j.psi
    return jnp.stack([-b, a])


SCHRODINGER = [
    (symmetry.phase("psi"), lambda j: j.psi @ j.psi),
    (
        symmetry.generator("momentum", xi={"x": lambda j: 1.0}),
        lambda j: j.psi @ jnp.stack([j.psi_x[1], -j.psi_x[0]]),
    ),
    (symmetry.time_translation(), lambda j: j.psi_x @ j.psi_x - (j.psi @ j.psi) ** 2),
    (
        symmetry.generator(
            "centre", xi={"x": lambda j: j.t}, eta={"psi": lambda j: 0.5 * j.x * turned(j)}
        ),
        lambda j: j.t * (j.psi @ jnp.stack([j.psi_x[1], -j.psi_x[0]])) - 0.5 * j.x * j.psi @ j.psi,
    ),
]


def korteweg_de_vries(j):
    return 0.5 * j.u_t * j.u_x + j.u_x**3 - 0.5 * j.u_xx**2


KDV = [
    (symmetry.translation("u"), lambda j: 0.5 * j.u_x),
    (symmetry.generator("momentum", xi={"x": lambda j: 1.0}), lambda j: -0.5 * j.u_x**2),
    (symmetry.time_translation(), lambda j: 0.5 * j.u_xx**2 - j.u_x**3),
    (
        symmetry.generator(
            "galilei",
            xi={"x": lambda j: 6.0 * j.t},
            eta={"u": lambda j: j.x},
            gauge={"t": lambda j: 0.5 * j.u},
        ),
        lambda j: 0.5 * (j.x * j.u_x - j.u) - 3.0 * j.t * j.u_x**2,
    ),
]


def sine_gordon(j):
    return 0.5 * j.u_t**2 - 0.5 * j.u_x**2 + jnp.cos(j.u)


SINE_GORDON = [
    (
        symmetry.time_translation(),
        lambda j: 0.5 * j.u_t**2 + 0.5 * j.u_x**2 - jnp.cos(j.u),
    ),
    (symmetry.generator("momentum", xi={"x": lambda j: 1.0}), lambda j: -j.u_t * j.u_x),
    (
        symmetry.generator("boost", xi={"t": lambda j: j.x, "x": lambda j: j.t}),
        lambda j: -j.x * (0.5 * j.u_t**2 + 0.5 * j.u_x**2 - jnp.cos(j.u)) - j.t * j.u_t * j.u_x,
    ),
]


@pytest.mark.parametrize(
    ("space", "lagrangian", "pairs"),
    [
        (WAVE, schrodinger, SCHRODINGER),
        (STRING, korteweg_de_vries, KDV),
        (STRING, sine_gordon, SINE_GORDON),
    ],
    ids=["NLS", "KdV", "sine-Gordon"],
)
def test_symmetries_of_fields(space, lagrangian, pairs):
    """The defect vanishes on every jet, and J^t is the known density."""
    density = on_jets(space, lagrangian, "Lagrangian")
    found, needs = {}, set()
    for kind, _ in pairs:
        generator = kind.build(density, "t")
        current = noether_current(density, generator)["t"]
        defect, terms = symmetry_defect(density, generator), defect_terms(density, generator)
        found[kind.name] = (kind.sign, current, defect)
        needs |= {n for f in (current, defect) for n in f.needs}
        needs |= {n for pair in terms for f in pair for n in f.needs}
    jets = random_jets(space, {*needs, "t", "x"}, 2, 16)
    evaluate = jax.jit(jax.vmap(lambda j: {n: (s * c(j), d(j)) for n, (s, c, d) in found.items()}))
    for name, (current, defect) in evaluate(jets).items():
        expected = jax.vmap({kind.name: f for kind, f in pairs}[name])(jets)
        np.testing.assert_allclose(current, expected, rtol=0.0, atol=3e-14, err_msg=name)
        np.testing.assert_allclose(defect, np.zeros_like(defect), atol=3e-14, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        (symmetry.translation("p"), (2,), r"acts on the field 'p', but the fields are q"),
        (symmetry.rotation("qq"), (2,), r"'qq', but the fields are q.*did you mean 'q'"),
        (symmetry.boost("p"), (2,), r"acts on the field 'p'"),
        (symmetry.from_charge("g", lambda j: j.t, field="p"), (2,), r"acts on the field 'p'"),
        (symmetry.translation("q", (1.0,)), (2,), r"shape \(1,\), expected \(2,\)"),
        (symmetry.rotation("q"), (), r"needs a last axis of length 2 or 3, its shape is \(\)"),
        (symmetry.rotation("q"), (4,), r"length 2 or 3, its shape is \(4,\)"),
        (
            symmetry.generator("g", xi={"y": lambda j: 1.0}),
            (2,),
            r"moves the coordinate 'y', but the coordinates are t",
        ),
        (
            symmetry.generator("g", eta={"p": lambda j: j.q}),
            (2,),
            r"moves the field 'p', but the fields are q",
        ),
        (
            symmetry.generator("g", eta={"q": lambda j: jnp.ones(3)}),
            (2,),
            r"'q' of shape \(2,\) by an array of shape \(3,\)",
        ),
        (
            symmetry.generator("g", eta={"q": lambda j: 1.0}),
            (2,),
            r"'q' of shape \(2,\) by an array of shape \(\)",
        ),
        (
            symmetry.generator(
                "g", eta={"q": lambda j: jnp.ones((3, 2))}, gauge=lambda j: jnp.ones(4)
            ),
            (2,),
            r"disagree on how many there are: \[\(3,\), \(4,\)\]",
        ),
        (symmetry.boost("q", (1.0, 2.0, 3.0)), (2, 2), "mass"),
    ],
)
def test_symmetry_that_does_not_fit_the_fields_is_refused(kind, shape, message):
    problem = mechanics(lambda j: 0.5 * jnp.sum(j.q_t**2), shape, [kind])
    with pytest.raises(ProblemError, match=message):
        verified_charges(problem)
