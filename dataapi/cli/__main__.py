"""`python -m dataapi.cli`: what `./run <command>` starts."""

import sys

from dataapi.cli import main

sys.exit(main())
