"""Runs the command with `python -m tap_zuora_testenv`."""

from tap_zuora_testenv.cli import main

main()
