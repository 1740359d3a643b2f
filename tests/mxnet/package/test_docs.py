"""The Python of docs/mxnet.md, run as it stands.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
import unittest
import warnings

from common import ROOT, TestCase


class Docs(TestCase):
    def test_mxnet(self):
        warnings.simplefilter("ignore", UserWarning)  # of imports(), which cannot tell the type of the data
        text = (ROOT / "docs/mxnet.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
        self.assertTrue(blocks)
        (self.folder / "examples").symlink_to(ROOT / "examples")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        exec("".join(blocks), {})


if __name__ == "__main__":
    unittest.main()
