"""`python -m jmltui`."""

import sys

from jmltui.cli import main

sys.exit(main())
