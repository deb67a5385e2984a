"""Floor 6: studies, which are problems × methods × seeds, and the tables that follow from them."""

from pinn.benchmark.integrated import Integrated as Integrated
from pinn.benchmark.method import AbstractMethod as AbstractMethod
from pinn.benchmark.outside import Outside as Outside
from pinn.benchmark.scipy_check import Scipy as Scipy
from pinn.benchmark.study import Case as Case
from pinn.benchmark.study import Published as Published
from pinn.benchmark.study import Study as Study
from pinn.benchmark.trained import Trained as Trained
