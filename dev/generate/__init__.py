"""What `make docs` writes into README.md, meltano.yml, docs/hub and schemas: the tap's own settings and streams."""
