"""Conservation laws inside learning itself: from layer to layer, and over training."""

from pinn.learning.energy_descent import EnergyDescentState as EnergyDescentState
from pinn.learning.energy_descent import energy_conserving_descent as energy_conserving_descent
from pinn.learning.energy_ledger import EnergyLedger as EnergyLedger
from pinn.learning.energy_ledger import energy_ledger as energy_ledger
from pinn.learning.hamiltonian import HamiltonianNetwork as HamiltonianNetwork
from pinn.learning.noether_network import NoetherNetwork as NoetherNetwork
from pinn.learning.probe import Probe as Probe
from pinn.learning.probe import ProbeReport as ProbeReport
from pinn.learning.probe import probe as probe
from pinn.learning.quantisation import Quantisation as Quantisation
from pinn.learning.quantisation import quantisation as quantisation
from pinn.learning.quantisation import quantised as quantised
from pinn.learning.regression import fit as fit
from pinn.learning.sprites import Film as Film
from pinn.learning.sprites import bouncing as bouncing
from pinn.learning.sprites import orbiting as orbiting
from pinn.learning.sprites import render as render
from pinn.learning.sprites import swinging as swinging
from pinn.learning.tailoring import Tailored as Tailored
from pinn.learning.tailoring import tailor as tailor
