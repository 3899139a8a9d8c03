"""Runs a program with the network refused: `python tests/offline.py JOURNAL PROGRAM [ARGUMENT …]`.

What the program tried to reach is written to JOURNAL, one line each; without an attempt there is none.
"""

import runpy
import sys
from pathlib import Path

# The program's folder comes first on the path, as if it had been started by itself.
program = Path(sys.argv[2]).resolve()
sys.path[0] = str(program.parent)
here = str(Path(__file__).resolve().parent)
sys.path.append(here)
from network import Guard  # noqa: E402  (found through the line above)

sys.path.remove(here)
Guard(journal=Path(sys.argv[1])).install()
sys.argv = sys.argv[2:]
runpy.run_path(str(program), run_name="__main__")
