"""Recipes as plain data, for checkpoints."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pinn.errors import CheckpointError
from pinn.networks.mlp import Network
from pinn.networks.separable import Separable
from pinn.training.conservation import Augmented, Exact, Penalty
from pinn.training.first_order import Optax
from pinn.training.gauss_newton import GaussNewton
from pinn.training.recipe import Recipe
from pinn.training.windows import Adaptive, Controlled, Uniform

_ALL = (Recipe, Network, Separable, GaussNewton, Optax, Adaptive, Controlled, Uniform)
_KINDS = {kind.__name__: kind for kind in (*_ALL, Penalty, Augmented, Exact)}


def to_spec(choice: Any) -> Any:
    """Return a recipe or a part of one as dictionaries, lists, strings and numbers."""
    if dataclasses.is_dataclass(choice) and type(choice).__name__ in _KINDS:
        values = {f.name: to_spec(getattr(choice, f.name)) for f in dataclasses.fields(choice)}
        return {"kind": type(choice).__name__, **values}
    if isinstance(choice, tuple):
        return [to_spec(item) for item in choice]
    return dict(choice) if isinstance(choice, Mapping) else choice


def from_spec(spec: Any) -> Any:
    """Rebuild what `to_spec` described.

    Raises:
        CheckpointError: it names a kind of choice that this version does not have.
    """
    if isinstance(spec, list):
        return tuple(from_spec(item) for item in spec)
    if not isinstance(spec, Mapping) or "kind" not in spec:
        return spec
    kind = _KINDS.get(spec["kind"])
    if kind is None:
        raise CheckpointError(
            f"The recipe uses {spec['kind']!r}, which this version of pinn does not know: load it "
            "with the version that saved it."
        )
    return kind(**{name: from_spec(value) for name, value in spec.items() if name != "kind"})
