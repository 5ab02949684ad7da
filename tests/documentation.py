"""README.md and the pages: their blocks of code, and their commands in a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from dev.testbed.processes import environment

CHECKOUT = Path(__file__).resolve().parents[1]
SHELL = shutil.which("bash") or "/bin/bash"


def blocks(page: str | Path, language: str) -> list[str]:
    """Return the blocks of code of a page, such as `docs/targets.md`, that are in a language."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run commands of a page in a folder, with the commands of this environment; the first that fails ends them."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-ec", script],
        cwd=folder,
        env=environment() | {"PATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
