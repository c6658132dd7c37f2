"""One bus, one owner: serial, RTU-over-TCP, Modbus TCP, and a line that goes nowhere."""

from prewatt.field.line.line import Line, LineDown, LineError, LineNoisy, NoAnswer
from prewatt.field.line.opening import open_line, open_pipe
from prewatt.field.line.pipe import Pipe, PipeError
from prewatt.field.line.url import Url, UrlError

__all__ = [
    "Line",
    "LineDown",
    "LineError",
    "LineNoisy",
    "NoAnswer",
    "Pipe",
    "PipeError",
    "Url",
    "UrlError",
    "open_line",
    "open_pipe",
]
