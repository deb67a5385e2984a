"""Between the problem and what solves it: fields over a box as spectral series, and quadrature."""

from pinn.spectral.basis import AbstractBasis as AbstractBasis
from pinn.spectral.basis import Chebyshev as Chebyshev
from pinn.spectral.basis import Fourier as Fourier
from pinn.spectral.basis import basis_of as basis_of
from pinn.spectral.basis import functions as functions
from pinn.spectral.grid import Grid as Grid
from pinn.spectral.panels import Panelled as Panelled
from pinn.spectral.panels import Rule as Rule

Quadrature = Grid | Panelled
