"""The Reynolds average of a solution over a finite group of symmetries."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Array

from pinn.jets import Jet
from pinn.noether.group import Element
from pinn.problem.problem import Problem

Plan = Callable[[tuple[str, ...]], Callable[..., Jet]]


def averaged_plan(problem: Problem, elements: Sequence[Element], plan: Plan) -> Plan:
    """Return the jets of ū = 1/|G| Σ_g g·u, with (g·u)(z) = A u(g⁻¹z).

    It obeys g·ū = ū exactly, whatever u is; its derivatives are averages of derivatives.

    Args:
        problem: whose fields.
        elements: all of the group.
        plan: the jets of u, from entries to the function (state, *point) ↦ jet.
    """
    coordinates = tuple(problem.axes)

    def averaged(entries: tuple[str, ...]) -> Callable[..., Jet]:
        raw = plan(entries)

        def of(element: Element, state: Any, point: tuple[Array, ...]) -> Jet:
            moved = [
                problem.axes[c].lower + problem.axes[c].upper - p if c in element.reflected else p
                for c, p in zip(coordinates, point, strict=True)
            ]
            return element.jet(raw(state, *moved), problem)

        def jet_at(state: Any, *point: Array) -> Jet:
            jets = [of(element, state, point) for element in elements]
            at = dict(zip(coordinates, point, strict=True))
            values = {
                n: at[n] if n in at else sum((j[n] for j in jets[1:]), jets[0][n]) / len(jets)
                for n in jets[0]
            }
            return Jet(problem.space, values)

        return jet_at

    return averaged
