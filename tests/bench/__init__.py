"""Benchmarks: `make bench`. Each compares the product with a bare counterpart within one run and prints the ratio."""
