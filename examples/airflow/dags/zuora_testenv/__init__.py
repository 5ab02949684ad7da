"""What the DAG of the Zuora test environments is made of: the tenants and their loads, and how Meltano runs one."""
