"""Print constraints that hold run-time dependencies to the least versions of pyproject.toml, and the rest as listed.

python .ci/minimum.py pyproject.toml constraints.txt
"""

import sys
import tomllib
from pathlib import Path


def constraints(project: str, listed: str) -> list[str]:
    """``name==version`` of every dependency, from its ``name>=version``, and of all other packages that are listed."""
    needed = tomllib.loads(project)["project"]["dependencies"]
    least = dict(requirement.partition(",")[0].split(">=") for requirement in needed)
    others = [line for line in listed.splitlines() if "==" in line]
    # Polars is two packages of one version.
    kept = [line for line in others if not line.lower().startswith((*(f"{name}==" for name in least), "polars-"))]
    return [*(f"{name}=={version}" for name, version in least.items()), *kept]


if __name__ == "__main__":
    project, listed = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
    print("\n".join(constraints(project, listed)))
