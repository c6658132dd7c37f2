"""The demo's gateway gets its keys: types the one-time code at the real command, once the door answers."""

from __future__ import annotations

import subprocess
import sys

from prewatt.server.commands.serve import command
from prewatt.server.demo import files
from prewatt.server.demo.files import Files


def main() -> None:
    folder = Files.of_environment()
    facts = folder.facts()
    if facts.get("enrolled_at_port") == facts["web_port"]:
        return
    centre, code = f"http://127.0.0.1:{facts['web_port']}", folder.code.read_text()
    arguments = ("gateway", "enrol", "--centre", centre, "--code", code, "--data", str(folder.gateway), "--again")
    ended = subprocess.run(command(*arguments), check=False)  # noqa: S603 - our own command
    if ended.returncode:
        sys.exit(ended.returncode)
    folder.code.unlink()
    files.write(folder.mark, folder.facts() | {"enrolled_at_port": facts["web_port"]})


if __name__ == "__main__":
    main()
