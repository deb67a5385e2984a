"""Run the command line as `python -m pinn.cli`."""

import sys

from pinn.cli.program import main

sys.exit(main())
