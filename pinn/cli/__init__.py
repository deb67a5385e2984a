"""The command line, `pinn`; reading problems' listings and help never imports JAX."""

from pinn.cli.program import main as main
