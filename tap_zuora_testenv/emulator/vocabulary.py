"""Pure: the values that Zuora's reference lists for a field, by the stream that has the field."""

from __future__ import annotations

JOB_TYPES = ("REFRESH", "CREATE", "DELETE")
JOB_STATUSES = (
    *("NEW", "SCHEDULED", "QUEUED", "INITIATED", "PROVISIONING", "DEPROVISIONING", "EXPORTING", "SCRUBBING"),
    *("RESETTING", "IMPORTING", "FINALIZING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED"),
)
DATA_COPY_TYPES = ("FULL", "CONFIGURATION")
ENVIRONMENT_TYPES = ("TEST", "ENTERPRISE", "TRIAL", "DEMO", "DEVELOPER")
ENVIRONMENT_STATUSES = ("ACTIVE", "PROCESSING", "INACTIVE", "DEACTIVATED", "DELETED")

LISTED_VALUES = {
    "test_environment_jobs": {"jobType": JOB_TYPES, "status": JOB_STATUSES},
    "test_environments": {
        "dataCopyType": DATA_COPY_TYPES,
        "environmentType": ENVIRONMENT_TYPES,
        "status": ENVIRONMENT_STATUSES,
    },
}
