"""What cog writes into README.md, meltano.yml and docs/hub (`make docs`): the tap's own settings and streams."""
