"""Long runs that look for faults that the tests do not meet: `python -m dev.soak`."""
