"""The rows of the charges of a problem over space: integrals over slices, and balances in time."""

from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, JetFunction
from pinn.networks.ansatz import Ansatz
from pinn.networks.window import Window
from pinn.noether.charge import Charge
from pinn.noether.totals import face_nodes, total
from pinn.spectral import Grid
from pinn.training.conservation import AbstractMode
from pinn.training.objective import Block
from pinn.training.plan import Plan, in_time
from pinn.training.rows import Nodes, Stage


def charge_plan(
    ansatz: Ansatz,
    stage: Stage,
    slices: Nodes,
    grid: Grid,
    charges: Mapping[str, Charge],
    scales: Mapping[str, Array],
    modes: Mapping[str, AbstractMode],
) -> Plan:
    """Return the rows (I(t) − I(start) − ∫ rates dt) / scale at every slice of each charge.

    I is a quadrature over the whole slice, never over scattered points; the running integral of
    sources and of what leaves through walls is spectral in time.
    """
    faces = {name: _faces(grid, charge) for name, charge in charges.items()}
    corners = [points for found in faces.values() for _, points, _, _ in found]
    dtype, grading = stage.window.length.dtype, stage.window.grading
    corners = [jnp.asarray(points, dtype) for points in corners]
    places = jnp.concatenate([ansatz.box.nodes(grid, grading, dtype), *corners])
    weights = ansatz.box.weights(grid, grading, dtype)
    whole = jnp.broadcast_to(places, (slices.points.size, *places.shape))
    points = in_time(ansatz, stage, slices.points, whole, flat=False)
    needs = {n for c in charges.values() for n in c.needs}
    needs |= {n for c in charges.values() for axis, _ in c.leaks for n in c.flux[axis].needs}
    blocks, start = [], len(grid.points)
    for name, charge in charges.items():
        at = (faces[name], start)
        block = _charge_block(stage, slices, weights, charge, at, scales[name], modes[name])
        blocks.append(block)
        start += sum(len(points) for _, points, _, _ in faces[name])
    return Plan(points, tuple(needs), tuple(blocks))


def at_the_end(plan: Plan) -> Plan:
    """Return the rows of the last slice only.

    What a window starts with is given, so that earlier slices say the same again, and less sharply.
    """

    def last(block: Block) -> Block:
        assert block.target is not None
        combine = lambda values: block.combined(values)[-1:]  # noqa: E731
        return replace(block, combine=combine, target=block.target[-1:])

    return replace(plan, blocks=tuple(last(block) for block in plan.blocks))


def ledger(
    plan: Plan,
    jets: Jet,
    slices: Nodes,
    charges: Mapping[str, Charge],
    scales: Mapping[str, Array],
) -> dict[str, tuple[Array, Array]]:
    """Return each charge at the window's end, and what its sources have added in the window."""
    found = {}
    for block, (name, charge) in zip(plan.blocks, charges.items(), strict=True):
        values, size = jax.vmap(block.values)(jets), int(np.prod(charge.density.shape))
        weights = jnp.asarray(slices.weights, values.dtype)
        added = weights @ values[:, size:] if not charge.conserved else jnp.zeros(size)
        value, shape = values[-1, :size], charge.density.shape
        found[name] = scales[name] * value.reshape(shape), scales[name] * added.reshape(shape)
    return found


def charge_scales(
    ansatz: Ansatz,
    window: Window,
    grid: Grid,
    charges: Mapping[str, Charge],
    scales: Mapping[str, float],
) -> dict[str, Array]:
    """Return what the rows of each charge are measured against.

    It is the charge's scale, or ∫ Σ |u_J ∂ρ/∂u_J| at the window's start where that is larger.

    That is what a charge changes by when the fields change by their own size. A charge whose value
    is much smaller, by cancellation, would otherwise rule over all other rows.
    """
    needs = tuple({n for charge in charges.values() for n in charge.density.needs})
    jet_at = ansatz.base(window, needs)
    index, zero = ansatz.time_index, jnp.zeros((), window.length.dtype)

    def largest(charge: Charge) -> Array:
        size = total(grid, charge.term_size, lambda *x: jet_at(*x[:index], zero, *x[index:]))
        return jnp.max(size)

    return {name: jnp.maximum(scales[name], largest(c)) for name, c in charges.items()}


def _faces(grid: Grid, charge: Charge) -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """Return, for each leaking face, its axis, nodes, weights, and the sign of leaving there."""
    found = []
    for axis, end in charge.leaks:
        basis = grid.bases[grid.coordinates.index(axis)]
        points, weights = face_nodes(grid, (axis, end), (basis.lower, basis.upper))
        found.append((axis, points, weights, 1.0 if end else -1.0))
    return found


def _charge_block(
    stage: Stage,
    slices: Nodes,
    inside: Array,
    charge: Charge,
    leaks: tuple[list[tuple[str, np.ndarray, np.ndarray, float]], int],
    scale: Array,
    mode: AbstractMode,
) -> Block:
    dtype = stage.window.length.dtype
    size = int(np.prod(charge.density.shape))
    target = jnp.broadcast_to(
        stage.targets[charge.name].ravel() / scale, (slices.points.size, size)
    )

    def integral(function: JetFunction, jets: Jet, first: int, weights: Array) -> Array:
        part = jax.tree.map(lambda leaf: leaf[first : first + len(weights)], jets)
        values = jax.vmap(function)(part)
        return jnp.tensordot(weights, values, axes=1).ravel() / scale

    def amount(jets: Jet) -> Array:
        return integral(charge.density, jets, 0, inside)

    if charge.conserved:
        return Block(charge.name, amount, size, None, target, *mode.emphasis)

    def both(jets: Jet) -> Array:
        faces, first = leaks
        rate = jnp.zeros(size, dtype)
        if charge.source is not None:
            rate = rate + integral(charge.source, jets, 0, inside)
        for axis, points, weights, sign in faces:
            lost = integral(charge.flux[axis], jets, first, jnp.asarray(weights, dtype))
            rate = rate - sign * lost
            first += len(points)
        return jnp.concatenate([amount(jets), stage.window.length * rate])

    running = jnp.asarray(slices.running, dtype)

    def balance(values: Array) -> Array:
        return values[:, :size] - running @ values[:, size:]

    return Block(charge.name, both, 2 * size, balance, target, *mode.emphasis)
