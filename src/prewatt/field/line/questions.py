"""From what a profile names (a block, a write) to a request, and from the reply to what the profile decodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prewatt.field.wire import dlt645, modbus
from prewatt.profiles import Block, Profile, Write


def read_request(profile: Profile, block: Block, *, unit: int, address: str = "") -> modbus.Request | dlt645.Read:
    """The question for one block. Modbus needs the unit, DL/T 645 the twelve digits of the address."""
    if profile.protocol == "dlt645-2007":
        return dlt645.Read(address, block.address)
    return modbus.read(unit, block.address, block.count, block.function)


def write_request(write: Write, *, unit: int) -> modbus.Request:
    """Modbus only: DL/T 645 commands are frames of their own. Send it exactly once."""
    return modbus.Request(unit, write.function, write.address, len(write.registers), write.registers)


def answered(reply: Any) -> Sequence[int] | bytes:
    """What `Profile.decode` wants: registers, or the bytes behind a DL/T 645 identifier."""
    return reply.data if isinstance(reply, dlt645.Reply) else reply.registers
