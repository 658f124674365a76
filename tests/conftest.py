"""Shared by all tests: compiled kernels outlive a test run, named by the engine's sources."""

from config.kernels import prepare_kernels
from config.settings import load_settings

prepare_kernels(load_settings().cache_dir)
