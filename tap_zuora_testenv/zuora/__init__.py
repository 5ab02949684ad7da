"""A client for Zuora's operations that read test environments and their jobs; it knows nothing of Singer."""

from __future__ import annotations

from tap_zuora_testenv.zuora.client import ClientOptions, ZuoraClient
from tap_zuora_testenv.zuora.errors import Fatal, NotFound, PermissionRefused, Transient, ZuoraError
from tap_zuora_testenv.zuora.rows import Listing

__all__ = [
    "ClientOptions",
    "Fatal",
    "Listing",
    "NotFound",
    "PermissionRefused",
    "Transient",
    "ZuoraClient",
    "ZuoraError",
]
