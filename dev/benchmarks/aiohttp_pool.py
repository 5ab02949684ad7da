"""A pool of aiohttp that fetches what `bare_pool` fetches, without threads."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp


async def fetch_all(config: dict[str, Any]) -> None:
    """Fetch the jobs that a configuration of the tap names, or those of all test environments."""
    width = config["max_parallel_requests"]
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    tls = ssl.create_default_context(cafile=bundle) if bundle else True
    form = {name: config[name] for name in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
    connector = aiohttp.TCPConnector(limit=width, ssl=tls)
    async with aiohttp.ClientSession(config["base_url"], connector=connector, trust_env=True) as session:
        async with session.post("/oauth/token", data=form) as response:
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}

        async def fetch(path: str) -> Any:  # noqa: ANN401 - any JSON value
            async with session.get(path, headers=headers, raise_for_status=True) as response:
                return await response.json()

        if "test_environments" in config:
            paths = [
                f"/test-environments/{environment['id']}/jobs/{job}"
                for environment in config["test_environments"]
                for job in environment["job_ids"]
            ]
        else:
            listed = (await fetch("/test-environments"))["result"]
            paths = [f"/test-environments/{environment['id']}/jobs" for environment in listed]
        for job in await asyncio.gather(*map(fetch, paths)):
            print(json.dumps(job))


if __name__ == "__main__":
    asyncio.run(fetch_all(json.loads(Path(sys.argv[1]).read_text())))
