"""Find a problem's unknowns by a peer: `python benchmarks/peers/inverse.py PEER PROBLEM`.

The last line on standard output is the row, a JSON object. Where there is no result the row says
why, and so does the last line on standard error, with exit code 1.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # This folder's deepxde.py would hide the library of that name, so the one above is searched.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from peers.inverse_measuring import main

    sys.exit(main(sys.argv[1:]))
