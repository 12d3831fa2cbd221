"""Run as a process: runs Python scripts by forking, so that none takes its time to import.

Standard input is a socket. Every message is a JSON object {"arguments": [...], "folder": ...,
"variables": {...}} with four file descriptors: three become standard input, output and error of a
process that runs `python` with these arguments there, and with these further variables in its
environment; to the fourth its exit status is written when it has ended.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

__all__: list[str] = []

# What can be imported without settings, and takes long.
IMPORTED = (
    *("django.contrib.admin", "django.core.management", "django.db.migrations.executor"),
    *("django.core.management.commands.migrate", "django.test", "django.urls", "environ"),
    *("hybrid_store.embedders", "hybrid_store.forms", "numpy", "safetensors.numpy", "tokenizers"),
)
LONGEST = 1 << 16


def main() -> None:
    for name in IMPORTED:
        import_module(name)
    # Nobody waits for those who attend.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=0) as requests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(requests, LONGEST, 4)
            if not request:
                return
            if not os.fork():
                attend(json.loads(request), descriptors)
                return
            for descriptor in descriptors:
                os.close(descriptor)


def attend(request: dict[str, Any], descriptors: list[int]) -> None:
    """Fork once more: the child runs the script, and ends as Python ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os.write(descriptors[3], str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    for number in range(3):
        os.dup2(descriptors[number], number)
    for descriptor in descriptors:
        os.close(descriptor)
    run(**request)


def run(arguments: list[str], folder: str, variables: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(variables)
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
