"""What can be known of test environments from the tap's tables: models in SQL (the dbt package in `dbt/`), a report."""
