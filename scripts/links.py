"""Checks that what the documentation links to is there: files beside it, not addresses elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    return [target for target in targets if "://" not in target and not (page.parent / target).exists()]


def main() -> int:
    """Prints each broken link; returns whether there is one."""
    tracked = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True)
    found = [f"{page}: {target}" for page in tracked.stdout.split() for target in broken(Path(page))]
    for line in found:
        print(line)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
