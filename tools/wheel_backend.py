"""What `pip install .` builds with: meson-python, and a tag that says what the wheel is.

meson-python takes every native file of a package for an extension module, and tags the wheel for the Python that builds
it. Ours are libraries that ctypes opens and a program, which serve every Python 3.

SPDX-License-Identifier: Apache-2.0
"""

import pathlib
import subprocess
import sys

import mesonpy
from mesonpy import build_editable, build_sdist, get_requires_for_build_editable, get_requires_for_build_sdist

# What pip calls.
__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]


def get_requires_for_build_wheel(config_settings=None):
    return [*mesonpy.get_requires_for_build_wheel(config_settings), "wheel>=0.40"]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = mesonpy.build_wheel(wheel_directory, config_settings, metadata_directory)
    path = pathlib.Path(wheel_directory, name)
    retag = [sys.executable, "-m", "wheel", "tags", "--remove", "--python-tag", "py3", "--abi-tag", "none", str(path)]
    return subprocess.run(retag, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
