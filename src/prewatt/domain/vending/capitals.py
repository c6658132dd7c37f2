"""大写: an amount in the capitals that Chinese receipts carry beside the figures.

By 《支付结算办法》附件一 (银发〔1997〕393号): 整 after 元 and never after 分; a run of zeros inside is one 零;
零 after 元 where 角 is zero and 分 is not. Where the rule leaves 零 open we write it between 元 and 角, and not between
万 and 仟.
"""

from __future__ import annotations

DIGITS = "零壹贰叁肆伍陆柒捌玖"
UNITS = ("", "拾", "佰", "仟")
GROUPS = ("", "万", "亿")
FEN_MAX = 10**12 * 100  # a million million yuan


def capitals(fen: int) -> str:
    """140950 -> 壹仟肆佰零玖元伍角. Raises ValueError below zero: a red receipt prints a positive amount."""
    if not 0 <= fen < FEN_MAX:
        raise ValueError(f"capitals are for amounts from zero up, not {fen} fen")
    yuan, rest = divmod(fen, 100)
    jiao, left = divmod(rest, 10)
    whole = _whole(yuan)
    if rest == 0:
        return f"{whole or DIGITS[0]}元整"
    small = (f"{DIGITS[jiao]}角" if jiao else "") + (f"{DIGITS[left]}分" if left else "")
    if not whole:
        return small
    gap = DIGITS[0] if jiao == 0 or yuan % 10 == 0 else ""
    return f"{whole}元{gap}{small}"


def _whole(yuan: int) -> str:
    """Groups of four digits from the left; zeros between what is written are one 零."""
    text, gap = "", False
    for at in range(len(GROUPS) - 1, -1, -1):
        group = yuan // 10 ** (4 * at) % 10_000
        if group == 0:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += DIGITS[0]
        text += _group(group) + GROUPS[at]
        gap = False
    return text


def _group(group: int) -> str:
    text, gap = "", False
    for at in range(3, -1, -1):
        digit = group // 10**at % 10
        if digit == 0:
            gap = bool(text)
            continue
        text += (DIGITS[0] if gap else "") + DIGITS[digit] + UNITS[at]
        gap = False
    return text
