"""`python -m tap_zuora_testenv.report`: the same as the command `zuora-testenv-report`."""

from tap_zuora_testenv.report import main

if __name__ == "__main__":
    main()
