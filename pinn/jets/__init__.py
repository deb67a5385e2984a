"""Floor 0: jets, functions on them, and their calculus. Knows nothing of physics or training."""

from pinn.jets.calculus import along as along
from pinn.jets.calculus import entry_function as entry_function
from pinn.jets.calculus import euler_operator as euler_operator
from pinn.jets.calculus import homotopy as homotopy
from pinn.jets.calculus import partial as partial
from pinn.jets.calculus import repeated_derivative as repeated_derivative
from pinn.jets.calculus import total_derivative as total_derivative
from pinn.jets.function import JetFunction as JetFunction
from pinn.jets.function import on_jets as on_jets
from pinn.jets.jet import Jet as Jet
from pinn.jets.prolong import entry_of as entry_of
from pinn.jets.prolong import lift as lift
from pinn.jets.prolong import prolong as prolong
from pinn.jets.random import random_jets as random_jets
from pinn.jets.space import Entry as Entry
from pinn.jets.space import JetSpace as JetSpace
