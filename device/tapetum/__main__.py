"""`python -m tapetum` is `tapetum`."""

import sys

from tapetum.cli import main

sys.exit(main())
