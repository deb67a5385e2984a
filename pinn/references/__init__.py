"""Floor 3: reference solutions that state their own error: integrated, spectral or closed."""

from pinn.references.discrete_path import DiscretePath as DiscretePath
from pinn.references.discrete_path import discrete_path as discrete_path
from pinn.references.lines import Lines as Lines
from pinn.references.method import Adaptive as Adaptive
from pinn.references.method import Closed as Closed
from pinn.references.method import Fixed as Fixed
from pinn.references.recurrence import Recurrence as Recurrence
from pinn.references.recurrence import coarse_entropy as coarse_entropy
from pinn.references.recurrence import common_period as common_period
from pinn.references.recurrence import period as period
from pinn.references.recurrence import recurrence as recurrence
from pinn.references.reversible import IntegerLeapfrog as IntegerLeapfrog
from pinn.references.reversible import Lattice as Lattice
from pinn.references.stationary import Collocation as Collocation
from pinn.references.variational import Variational as Variational
from pinn.references.variational import hamiltonian_term as hamiltonian_term
