"""What `make demo` shows: an emulated Zuora, loaded twice into PostgreSQL, and what can be read there."""
