"""The Python of README.md and docs/python.md, run as it stands.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
import unittest

from common import ROOT, TestCase


class Docs(TestCase):
    def run_blocks(self, name):
        blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)
        self.assertTrue(blocks)
        (self.folder / "examples").symlink_to(ROOT / "examples")
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        names = {}
        exec("".join(blocks), names)
        return names

    def test_readme(self):
        self.assertEqual(self.run_blocks("README.md")["answers"].shape, (360,))

    def test_python(self):
        self.run_blocks("docs/python.md")


if __name__ == "__main__":
    unittest.main()
