"""`python -m zuora_testenv.pools > pools.json`: what stands in the file of the tenants, for `airflow pools import`."""

from __future__ import annotations

import sys

from zuora_testenv.tenants_file import TenantsRefused, read_tenants, tenants_file


def main() -> None:
    """Write them, or the sentence that says why not."""
    try:
        sys.stdout.write(read_tenants(tenants_file()).pools_to_import())
    except TenantsRefused as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
