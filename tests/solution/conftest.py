"""Solutions that several tests share."""

import pytest

import pinn


@pytest.fixture(scope="package")
def swing() -> pinn.Solution:
    """A pendulum, solved for a short while."""
    return pinn.solve(pinn.get("pendulum", end=1.5), progress=False)


@pytest.fixture(scope="package")
def orbit() -> pinn.Solution:
    """A part of a Kepler orbit: a vector field and a vector charge."""
    return pinn.solve(pinn.get("kepler", eccentricity=0.2, periods=0.3), progress=False)
