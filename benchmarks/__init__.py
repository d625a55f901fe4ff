"""Benchmarks: `python -m benchmarks.NAME [--small] [--json FILE]` from the root; `make bench` runs them all."""
