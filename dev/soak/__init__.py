"""Long runs that look for what the tests do not meet: `python -m soak`."""
