"""Benchmarks: ratios within one run, written to bench/RESULTS.md. Never asserted, never part of the tests."""
