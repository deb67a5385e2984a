"""Conservation laws inside learning itself: from layer to layer, and over training."""

from pinn.learning.energy_descent import EnergyDescentState as EnergyDescentState
from pinn.learning.energy_descent import energy_conserving_descent as energy_conserving_descent
from pinn.learning.energy_ledger import EnergyLedger as EnergyLedger
from pinn.learning.energy_ledger import energy_ledger as energy_ledger
from pinn.learning.hamiltonian import HamiltonianNetwork as HamiltonianNetwork
from pinn.learning.noether_network import NoetherNetwork as NoetherNetwork
from pinn.learning.regression import fit as fit
from pinn.learning.tailoring import Tailored as Tailored
from pinn.learning.tailoring import tailor as tailor
