"""What the demo says on the terminal: how far it is, where to look, and whom to log in as."""

from __future__ import annotations

import sys
import unicodedata
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from prewatt.server.demo import files
from prewatt.server.demo.files import Files
from prewatt.server.processes import port_is_free

STAGES = {
    "building": "建楼 building",
    "sales": "六十天售电 sixty days of sales",
    "scale": "装载更多仪表 loading more meters",
    "ready": "六十天抄表 sixty days of readings",
    "history": "六十天抄表 sixty days of readings",
    "closing": "日结 closing the days",
}


class Screen:
    """Lines for people on stderr, a progress bar if it is a terminal; the same facts in running.json for programs."""

    def __init__(self, folder: Files, *, url: str, port: int) -> None:
        self._folder, self._url, self._port = folder, url, port
        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._is_up = False
        self._is_complete = False
        self._shown: dict[str, object] = {}

    def __enter__(self) -> Screen:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._folder.running.unlink(missing_ok=True)
        self.say("演示已结束，再次启动接着来 · The demo has ended; a second start continues.")

    def say(self, text: str) -> None:
        self._console.print(text)

    def turn(self, pids: dict[str, int]) -> None:
        progress = files.read(self._folder.progress)
        stage = progress.get("stage", "building")
        is_built = stage not in {"building", "sales", "scale"}
        if is_built and not self._is_up and "web" in pids and not port_is_free("127.0.0.1", self._port):
            self._is_up = True
            self._welcome()
        if self._is_up and not self._is_complete and files.read(self._folder.history).get("closed"):
            self._is_complete = True
            self._end_bar()
            self.say("六十天历史已完整 · Sixty days of history are complete.")
        elif not self._is_complete:
            self._show(stage, progress.get("done", 0), progress.get("total", 1))
        self._tell_programs(pids)

    def _show(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._end_bar()
            self._stage = stage
            self._task = self._bar.add_task(STAGES[stage], total=total)
            if self._bar.disable:
                self.say(STAGES[stage])
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def _end_bar(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def _welcome(self) -> None:
        from prewatt.server.demo.log_ins import LOG_INS, PASSWORD, TENANT, TENANT_PASSWORD

        self.say(f"\n  打开 open  {self._url}\n")
        for one in LOG_INS:
            name = one.name + " " * (8 - sum(1 + (unicodedata.east_asian_width(c) == "W") for c in one.name))
            self.say(f"  {one.username:<8}  {name}{one.title}")
        self.say(f"  密码 password  {PASSWORD}\n")
        self.say(f"  租户 tenant    {self._url}my/      终端 terminal  {self._url}kiosk/")
        self.say(f"  用户编号 number  {TENANT}    查询密码 password  {TENANT_PASSWORD}\n\n  Ctrl-C 退出 ends it\n")

    def _tell_programs(self, pids: dict[str, int]) -> None:
        facts: dict[str, object] = {
            "url": self._url,
            "up": self._is_up,
            "complete": self._is_complete,
            "pids": dict(pids),
            "meters": str(self._folder.meters),
        }
        if facts != self._shown:
            self._shown = facts
            files.write(self._folder.running, facts)
