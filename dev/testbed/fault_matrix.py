"""Every kind of fault of an answer, and what it means for its request."""

from __future__ import annotations

from typing import Any

from dev.testbed.faulty_proxy import WireFault

# What a fault means.
HARMLESS, PASSING, MISSING = "harmless", "passing", "missing"
REFUSED, REJECTED, WRONG = "refused", "token rejected", "wrong"

# What each fault means, and how the emulator, or the proxy on the wire, produces it.
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "302": (WRONG, {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}),
    "400": (WRONG, {"status": 400, "json": {"message": "no"}}),
    "401": (REJECTED, {"status": 401}),
    "401 of Zuora's own": (PASSING, {"status": 401, "json": {"message": "Failed to get user info"}}),
    "403": (REFUSED, {"status": 403}),
    "404": (MISSING, {"status": 404}),
    "405": (WRONG, {"status": 405}),
    "408": (PASSING, {"status": 408}),
    "429": (PASSING, {"status": 429}),
    "429 with a wait": (PASSING, {"status": 429, "headers": {"Retry-After": "7"}}),
    "500": (PASSING, {"status": 500}),
    "501": (WRONG, {"status": 501}),
    "502 with a page": (PASSING, {"status": 502, "body": "<html>Bad gateway</html>"}),
    "503": (PASSING, {"status": 503}),
    "503 with a wait": (PASSING, {"status": 503, "headers": {"Retry-After": "7"}}),
    "504": (PASSING, {"status": 504}),
    "505": (WRONG, {"status": 505}),
    "507": (PASSING, {"status": 507}),
    "511": (WRONG, {"status": 511}),
    "520 with a page": (PASSING, {"status": 520, "body": "<html>Web server is returning an unknown error</html>"}),
    "522": (PASSING, {"status": 522}),
    "524": (PASSING, {"status": 524}),
    "401 with a page": (REJECTED, {"status": 401, "body": "<html>Sign in</html>"}),
    "403 with a page": (REFUSED, {"status": 403, "body": "<html>Access denied</html>"}),
    "404 with a page": (MISSING, {"status": 404, "body": "<html>Not found</html>"}),
    "200 with a page": (PASSING, {"status": 200, "body": "<html>Sign in</html>"}),
    "200 and nothing": (PASSING, {"status": 200, "body": ""}),
    "200 and half a document": (PASSING, {"status": 200, "body": '{"result": [{"id":'}),
    "200 and another type": (WRONG, {"status": 200, "json": ["x"]}),
    "200 and another object": (WRONG, {"status": 200, "json": {"hello": "there"}}),
    "200 without success": (WRONG, {"status": 200, "json": {"success": False}}),
    **{
        f"{status} of kind {kind}": (
            meaning,
            {
                "status": status,
                "json": {"success": False, "reasons": [{"code": 53100000 + kind, "message": "the reason"}]},
            },
        )
        for status in (200, 400, 500)
        for kind, meaning in {
            10: REFUSED,
            11: REJECTED,
            20: WRONG,
            30: WRONG,
            40: MISSING,
            50: PASSING,
            60: PASSING,
            61: PASSING,
            70: PASSING,
            99: PASSING,
        }.items()
    },
    **{fault: (PASSING, {"wire": fault}) for fault in WireFault.ALL},
    **{fault: (HARMLESS, {"wire": fault}) for fault in WireFault.HARMLESS},
}
