"""Puts mx.contrib.neuron and mx.neuron into MXNet when a program imports it.

mx_neuron.pth imports this at every start of Python, so it imports nothing itself until MXNet is asked for. Whatever
goes wrong here leaves `import mxnet` as it would be without this package.

SPDX-License-Identifier: Apache-2.0
"""

import sys

MXNET = "mxnet"


def _say(error):
    if sys.stderr is not None:
        print(f"mx_neuron: not available in MXNet: {error}", file=sys.stderr)


def _install(module):
    try:
        from mx_neuron import _mxnet

        _mxnet.install(module)
    except Exception as error:  # a program that does not need us goes on
        _say(error)


def _follow(loader):
    """Once the loader has run a module, we come."""
    run = getattr(loader, "exec_module", None)
    if run is None:
        return

    def exec_module(module):
        run(module)
        _install(module)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        _say(f"cannot follow {loader!r}")


class Finder:
    """On sys.meta_path: asks the other finders for MXNet and follows the import of what they find."""

    def __init__(self):
        self.is_asking = False  # another finder may ask us while we ask it

    def find_spec(self, name, path=None, target=None):
        if name != MXNET or self.is_asking:
            return None
        self.is_asking = True
        try:
            return self._found(path, target)
        finally:
            self.is_asking = False

    def _found(self, path, target):
        for finder in list(sys.meta_path):
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(MXNET, path, target)
            if spec is not None:
                _follow(spec.loader)
                return spec
        return None


def ensure():
    """For programs that import mx_neuron where no .pth is read: now, if MXNet is there, else when it comes."""
    module = sys.modules.get(MXNET)
    if module is not None:
        _install(module)
    elif not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


if MXNET not in sys.modules:
    ensure()
