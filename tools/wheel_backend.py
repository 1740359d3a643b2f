"""What `pip install .` builds with: meson-python, and a tag that says what the wheel is.

meson-python takes every native file of a package for an extension module, and tags the wheel for the Python that builds
it. Ours are libraries that ctypes opens and a program, which serve every Python 3.

SPDX-License-Identifier: Apache-2.0
"""

import pathlib
import subprocess
import sys

from mesonpy import (  # noqa: F401: these are what pip calls
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
)
from mesonpy import build_wheel as build_wheel_for_this_python
from mesonpy import get_requires_for_build_wheel as get_requires_of_mesonpy


def get_requires_for_build_wheel(config_settings=None):
    return [*get_requires_of_mesonpy(config_settings), "wheel>=0.40"]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = build_wheel_for_this_python(wheel_directory, config_settings, metadata_directory)
    path = pathlib.Path(wheel_directory, name)
    retag = [sys.executable, "-m", "wheel", "tags", "--remove", "--python-tag", "py3", "--abi-tag", "none", str(path)]
    return subprocess.run(retag, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
