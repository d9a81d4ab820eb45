"""Writes the digests of what the Atlas's plan covers into atlas/plan.toml, under the version that it names.

    python docs/freeze_atlas.py

A version that is frozen stays as it was frozen: raise `version` in the plan first.
"""

from __future__ import annotations

import re
import sys

from harness.atlas.plan import NAME, digest_of_file, loaders_path, plan_path, read_plan, unaccounted
from harness.config import find_dataset, find_space, find_sweep

DIGEST = "[0-9a-f]{64}"


def main() -> int:
    """Freeze the plan; 1 where its version is frozen already as another, or a data set is in no part of it."""
    path = plan_path()
    if missing := unaccounted(read_plan()):
        print(
            f"{path}: expected {', '.join(missing)} among [[datasets]], or [[excluded]] with a cause", file=sys.stderr
        )
        return 1
    before, plan = path.read_text(encoding="utf-8"), read_plan()
    digests = {"sweep": digest_of_file(find_sweep(NAME)), "loaders": digest_of_file(loaders_path())}
    digests |= {family: find_space(family).sha256 for family in plan.search_spaces}
    text = before
    for key, digest in digests.items():
        text = re.sub(rf'(?m)^{key} = "{DIGEST}"', f'{key} = "{digest}"', text)
    for one in plan.datasets:
        config = find_dataset(one.name).sha256
        text = re.sub(rf'(name = "{one.name}"\n(?:\w+ = .*\n)*?config = )"{DIGEST}"', rf'\g<1>"{config}"', text)
    path.write_text(text, encoding="utf-8")
    digest = read_plan().digest
    if plan.frozen.get(plan.version, digest) != digest:
        path.write_text(before, encoding="utf-8")
        print(f"version {plan.version} is frozen, and not as this: raise `version` in {path}", file=sys.stderr)
        return 1
    if plan.version not in plan.frozen:
        path.write_text(f'{text.rstrip()}\n{plan.version} = "{digest}"\n', encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
