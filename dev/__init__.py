"""What only developers run: the demos, the soak, the benchmarks, the generated documents and the releases."""
