"""``python -m lass``."""

import sys

from lass.cli import main

sys.exit(main())
