"""How often Python looks for garbage, while a process makes very many objects that stay.

Django's migrations make some thousand classes; looked through again and again, they cost a quarter of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (200_000, 20, 1000)  # some 50 MB more while it lasts


@contextmanager
def rarely() -> Iterator[None]:
    """What is there now is taken for what stays."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
