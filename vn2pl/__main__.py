"""``python -m vn2pl``."""

import sys

from .cli import main

sys.exit(main())
