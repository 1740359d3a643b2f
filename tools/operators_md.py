#!/usr/bin/env python3
"""Write docs/operators.md from what mxneuron says about itself: operators_md.py MXNEURON >docs/operators.md

SPDX-License-Identifier: Apache-2.0
"""

import json
import subprocess
import sys

HEAD = """# Operators

Every name that MXNet 1.9.1 registers, and what becomes of it. Made by `tools/operators_md.py` from
`mxneuron list-operators --json`; `tests/check-docs.sh` keeps it true.

- **compiled**: to machine code, where attributes, shapes and types allow it (`mxneuron compile` says why
  where they do not); otherwise as reference.
- **reference**: by the reference operators, plain loops.
- **not for inference**: for the reason given. A model keeps it; running it is an error that names it.
"""

ORDER = ["compiled", "reference", "not for inference"]


def shown(operator):
    canonical = operator.get("canonical", operator["name"])
    return f"`{operator['name']}`" + (f" (as `{canonical}`)" if canonical != operator["name"] else "")


def section(reason, operators):
    title = f"\n### {reason[0].upper()}{reason[1:]} ({len(operators)})\n" if reason else ""
    return title + "\n" + "".join(f"- {shown(o)}\n" for o in operators)


def main():
    text = subprocess.run([sys.argv[1], "list-operators", "--json"], check=True, capture_output=True, text=True).stdout
    operators = json.loads(text)["operators"]
    groups = {}
    for operator in operators:
        groups.setdefault((operator["support"], operator.get("reason")), []).append(operator)
    counts = {support: sum(o["support"] == support for o in operators) for support in ORDER}

    out = [HEAD, "\n| | names |\n| --- | ---: |\n"]
    out += [f"| {support} | {counts[support]} |\n" for support in ORDER]
    out.append(f"| all | {len(operators)} |\n")
    for support in ORDER:
        out.append(f"\n## {support[0].upper()}{support[1:]}\n")
        for (group_support, reason), members in sorted(groups.items(), key=lambda g: g[0][1] or ""):
            if group_support == support:
                out.append(section(reason, members))
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
