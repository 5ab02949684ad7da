"""What `make docs` writes: tables of README.md, the extractor of meltano.yml, the definition for Meltano's Hub."""
