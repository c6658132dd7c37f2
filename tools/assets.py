"""Copy the front-end files that pages need out of an npm folder into the package's git-ignored `vendor` folder.

`python tools/assets.py NODE_MODULES`. Source-map comments are taken off: the maps are not shipped, and a page that
names a missing file fails a strict static-files check.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src/prewatt/web/static/vendor"
ICON_NAMES = ROOT / "src/prewatt/web/parts/icons.txt"
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "echarts/dist/echarts.common.min.js": "echarts.common.min.js",
}
LICENCES = {
    "@tabler/icons/LICENSE": "tabler.txt",  # one author, one text; the core package ships none
    "@popperjs/core/LICENSE.md": "popper.txt",
    "htmx.org/LICENSE": "htmx.txt",
    "echarts/LICENSE": "echarts.txt",
    "echarts/NOTICE": "echarts-notice.txt",
}
_SOURCE_MAP = re.compile(rb"(//|/\*)[#@]\s*sourceMappingURL=[^\s*]+(\s*\*/)?")


def icon_names() -> list[str]:
    """One name a line; `#` starts a remark. `filled/NAME` takes the filled drawing."""
    if not ICON_NAMES.exists():
        return []
    lines = (line.split("#")[0].strip() for line in ICON_NAMES.read_text().splitlines())
    return sorted({line for line in lines if line})


def wanted() -> dict[str, str]:
    """File in the npm folder -> file in the vendor folder."""
    files = dict(FILES)
    files |= {source: f"licences/{name}" for source, name in LICENCES.items()}
    for name in icon_names():
        source = name if name.startswith("filled/") else f"outline/{name}"
        files[f"@tabler/icons/icons/{source}.svg"] = f"icons/{name}.svg"
    return files


def copy(modules: Path, target: Path) -> int:
    """Returns how many files were copied. Raises FileNotFoundError when the npm folder lacks one."""
    files = wanted()
    for source, name in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_SOURCE_MAP.sub(b"", (modules / source).read_bytes()))
    return len(files)


def main() -> None:
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        copy(Path(sys.argv[1]), fresh)
    except FileNotFoundError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        sys.exit(f"assets: {error.filename} is not there. Is it spelled in {ICON_NAMES.name} as Tabler spells it?")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


if __name__ == "__main__":
    main()
