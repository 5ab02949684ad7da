"""What demo, tests and soak share: a PostgreSQL, an emulator, a pipe, a target, and the comparison of tables."""
