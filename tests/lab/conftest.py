"""The tests that boot hosts are collected only by `./run test --lab`."""

import os

from tests.lab.command import BOOTS

collect_ignore_glob = [] if BOOTS in os.environ else ["test_booted_*.py"]
