"""Where settings come from: a settings module, the environment, or a file that is read into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

__all__ = ["origin_of_database", "origin_of_variable", "settings_module", "variable_with"]

# A shorter value may be that of a variable by chance.
LONG = 8


def settings_module() -> str:
    return getattr(settings, "SETTINGS_MODULE", None) or "the settings"


def origin_of_database(alias: str, config: Mapping[str, Any]) -> str:
    """Who says where a database is."""
    module = f"{settings_module()}.DATABASES[{alias!r}]"
    url = os.environ.get("DATABASE_URL")
    if not url:
        return module
    if not describes(url, config):
        return f"{module} (DATABASE_URL is set, but names another database)"
    return origin_of_variable("DATABASE_URL")


def origin_of_variable(name: str) -> str:
    """Where a variable of the environment is set, as far as that can be told."""
    file = _env_file(os.environ.get(name, ""))
    return f"{name} in {file or 'the environment'}"


def variable_with(value: object) -> str | None:
    """The variable of the environment that holds a text, from where a setting may have read it."""
    if not isinstance(value, str) or len(value) < LONG:
        return None
    return next((name for name, held in os.environ.items() if held.strip() == value.strip()), None)


def describes(url: str, config: Mapping[str, Any]) -> bool:
    """Does a database URL name the database of these settings?"""
    try:
        # A password may hold any characters, but for those that divide an address.
        path = Path(unquote(urlsplit(url).path))
    except ValueError:
        return False
    # A host may be in lower case by now, or the folder of a socket, which stands in the path.
    address = unquote(url.partition("@")[2] or url).lower()
    host, port = (str(config.get(part) or "").lower() for part in ("HOST", "PORT"))
    same_name = path.name == Path(str(config["NAME"])).name
    return same_name and host in address and (not port or f":{port}" in address)


def _env_file(value: str) -> Path | None:
    """The `.env` file that holds a value, where one of the usual places does."""
    roots = [Path.cwd(), Path(getattr(settings, "BASE_DIR", Path.cwd()))]
    for file in dict.fromkeys(root / ".env" for root in roots):
        if value and value in _text(file):
            return file
    return None


def _text(file: Path) -> str:
    """Nothing, where the file is not there or this user may not read it."""
    try:
        return file.read_text(errors="replace") if file.is_file() else ""
    except OSError:
        return ""
