"""How a provider misbehaves. Its books stay right; what it says, when, and how often does not."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

COPIES_MAX, DELAY_S_MAX = 1000, 86_400.0


@dataclass(frozen=True, slots=True)
class Mischief:
    """Of one channel, until it is set anew. Everything off: a good provider."""

    copies: int = 1  # how often each notification is sent, whatever the answer; 0: none comes
    delay_s: float = 0.0  # before the first
    reorder: bool = False  # the newest waiting notification goes first
    forge: bool = False  # signed by a stranger
    serial: bool = False  # under a serial nobody knows (WeChat), with a certificate of no chain (UnionPay)
    late_by_s: int = 0  # stamped so many seconds ago
    amount_fen: int | None = None  # says this amount
    app: bool = False  # names another app
    merchant: bool = False  # names another merchant
    currency: bool = False  # another currency
    query_unknown: bool = False  # answers queries with "system busy"
    pay_after_close: bool = False
    down: bool = False  # takes no connection's word: every request is answered with 503

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Mischief:
        """Raises ValueError for what it does not know."""
        kinds = {one.name: one.default for one in fields(cls)}
        for name, value in asked.items():
            if name not in kinds:
                raise ValueError(f"no such mischief: {name}")
            wanted = int if name == "amount_fen" else type(kinds[name])
            if not isinstance(value, wanted) and not (wanted is float and isinstance(value, int)):
                raise ValueError(f"{name} takes another kind of value")
        made = cls(**asked)
        if not 0 <= made.copies <= COPIES_MAX or not 0 <= made.delay_s <= DELAY_S_MAX:
            raise ValueError("out of bounds")
        return made


GOOD = Mischief()
