"""What the documentation takes from the code: references, constants, pictures, and what commands print.

python docs/generate.py           writes the references, docs/pictures/ and the output in the pages
python docs/generate.py --check   ends with 1 if one of them says something else
"""

import shutil
import sys
import tempfile
from pathlib import Path

import configuration
import constants
import pictures
import reference
import sessions

DOCS = Path(__file__).parent


def made(folder: Path) -> dict[Path, str]:
    """Every generated file and what it should hold; commands run in the folder, beside a copy of configs/."""
    shutil.copytree(DOCS.parent / "configs", folder / "configs")
    texts = {DOCS / "configuration.md": configuration.page()}
    texts[DOCS / "output.md"] = reference.filled((DOCS / "output.md").read_text(encoding="utf-8"))
    texts[DOCS / "method.md"] = constants.filled((DOCS / "method.md").read_text(encoding="utf-8"))
    readme = DOCS.parent / "README.md"
    texts[readme] = sessions.excerpted(readme.read_text(encoding="utf-8"), folder)
    texts |= {DOCS / "pictures" / name: picture for name, picture in pictures.drawn().items()}
    for name in sessions.PAGES:
        path = DOCS / f"{name}.md"
        texts[path] = sessions.shown(texts.get(path) or path.read_text(encoding="utf-8"), folder)
    return texts


def main() -> int:
    """Write or check; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        texts = made(Path(folder))
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(DOCS.parent)}: {'is not current' if '--check' in sys.argv else 'written'}")
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
