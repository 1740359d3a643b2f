"""`neuron-cc` in the PATH of an environment where the package is installed.

SPDX-License-Identifier: Apache-2.0
"""

import os
import sys


def main():
    os.execv(os.path.join(os.path.dirname(os.path.abspath(__file__)), "neuron-cc"), ["neuron-cc", *sys.argv[1:]])
