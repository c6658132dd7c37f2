"""Why bytes on a line were not the answer that was asked for.

Each reason has one name, the same in logs, statistics and JSON.
"""

from __future__ import annotations

from typing import ClassVar


class WireError(Exception):
    """Bytes that cannot be believed. Asking again may help;
    whether that is allowed (a write!) is not the codec's to decide.
    """

    code: str = "wire_error"


class CrcMismatch(WireError):
    """A whole frame came, but its checksum does not fit: something was changed on the line."""

    code = "crc_mismatch"


class ChecksumMismatch(CrcMismatch):
    """DL/T 645: the same, with its sum of bytes."""

    code = "checksum_mismatch"


class WrongUnit(WireError):
    """A sound frame of another unit: a late answer, two devices with one address, or a wrong converter."""

    code = "wrong_unit"


class WrongFunction(WireError):
    """A sound frame of the right unit that answers another function: a late answer of an earlier request."""

    code = "wrong_function"


class WrongLength(WireError):
    """A sound frame whose length is not what was asked for: a late answer of an earlier request."""

    code = "wrong_length"


class WrongEcho(WireError):
    """A write was answered with another address or value than was written. Read back before believing anything."""

    code = "wrong_echo"


class CorruptEcho(WireError):
    """The converter echoes what we send, and the echo is damaged: whatever follows it is not to be trusted."""

    code = "corrupt_echo"


class WrongTransaction(WireError):
    """Modbus TCP: an answer to another transaction, late."""

    code = "wrong_transaction"


class WrongProtocol(WireError):
    """Not a frame of this protocol at all."""

    code = "wrong_protocol"


class WrongIdentifier(WireError):
    """DL/T 645: a sound answer that carries another data identifier than was asked for."""

    code = "wrong_identifier"


class Truncated(WireError):
    """A frame began and did not end."""

    code = "truncated"


class Malformed(WireError):
    """The checksum fits but the inside contradicts itself."""

    code = "malformed"


class Unencodable(WireError, ValueError):
    """The request does not fit into a frame. A programming or configuration error; asking again does not help."""

    code = "unencodable"


class ExceptionAnswer(WireError):
    """Modbus: the device (or a gateway before it) answered, with a refusal. `exception` is the number in the frame."""

    NAMES: ClassVar[dict[int, str]] = {
        1: "illegal_function",
        2: "illegal_address",
        3: "illegal_value",
        4: "device_failure",
        5: "acknowledge",
        6: "busy",
        7: "negative_acknowledge",
        8: "memory_parity",
        10: "gateway_path",
        11: "gateway_no_answer",
    }

    def __init__(self, exception: int) -> None:
        self.exception = exception
        self.name = self.NAMES.get(exception, f"{exception:02x}")
        self.code = f"exception_{self.name}"
        super().__init__(f"the device refused: exception {exception:02X} ({self.name})")


class ErrorAnswer(WireError):
    """DL/T 645: the meter answered with an error word. `word` is its byte after subtracting 33H;
    `names` are its set bits.
    """

    def __init__(self, word: int, names: tuple[str, ...]) -> None:
        self.word = word
        self.names = names
        self.code = "error_" + (names[0] if names else f"{word:02x}")
        super().__init__(f"the meter refused: error {word:02X} ({', '.join(names) or 'no bit set'})")
