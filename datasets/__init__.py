"""Ports to try things on: a simulator with known truth, and the demonstration that `make demo` runs."""
