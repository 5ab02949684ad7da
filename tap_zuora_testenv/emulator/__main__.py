"""`python -m tap_zuora_testenv.emulator`, the same as the command `zuora-testenv-emulator`."""

from tap_zuora_testenv.emulator import main

if __name__ == "__main__":
    main()
