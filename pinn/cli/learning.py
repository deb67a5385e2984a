"""`pinn learning DEMO`: a conservation law inside learning, at work."""

from argparse import Namespace

from pinn.cli.text import columns


def show_learning(arguments: Namespace) -> int:
    """Run a demonstration and print what it found, or list them all."""
    from pinn.learning.demonstrations import demonstrate, demonstrations

    if arguments.demo is None:
        print(columns([(name, asks) for name, asks in demonstrations().items()]))
        return 0
    found = demonstrate(arguments.demo, arguments.seed)
    header, *rows = found.cells
    print(f"{found.title}\n\n{columns(rows, header)}")
    if found.notes:
        print("\n" + "\n".join(found.notes))
    return 0
