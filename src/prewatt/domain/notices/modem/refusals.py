"""What a modem's refusals mean for the message that was to go out: `Again` says what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown

__all__ = ["AGAIN", "WORDS", "Again", "ModemError", "ModemGone", "NotKnown", "refusal"]


# +CMS ERROR (3GPP TS 27.005, clause 3.2.5; 24.011 and 23.040 for those below 256).
_CODES: Mapping[Again, tuple[int, ...]] = {
    Again.LATER: (38, 41, 42, 47, 314, 331, 332, 500),
    Again.FEW_TIMES: (27, 127, 340),
    Again.NOT_THIS_NUMBER: (1, 8, 21, 28, 30),
    Again.NOT_THIS_MESSAGE: (81, 95, 96, 97, 98, 99, 111, 304, 305),
    Again.CLEAN_UP: (320, 321, 322),
    Again.PERSON: (10, 29, 50, 69, 300, 301, 302, 303, 310, 311, 313, 315, 330),
}
AGAIN: Mapping[int, Again] = MappingProxyType({code: again for again, codes in _CODES.items() for code in codes})
WORDS: Mapping[int, str] = MappingProxyType(
    {
        1: "there is no such number",
        8: "the operator has barred this number",
        10: "calls from this SIM are barred",
        21: "the message was rejected",
        27: "the telephone is out of service",
        28: "the network does not know this subscriber",
        29: "the operator refused the service",
        30: "the network does not know this subscriber",
        38: "the network is out of order",
        41: "the network failed for a moment",
        42: "the network is overloaded",
        47: "the network has no resources free",
        50: "this SIM has no contract for text messages",
        69: "the network does not offer text messages",
        81: "the message's reference is not valid",
        **dict.fromkeys((95, 96, 97, 98, 99), "the message is not valid"),
        111: "the message does not keep to the protocol",
        127: "the network could not pass it on",
        300: "the modem does not work",
        301: "the modem does not offer text messages",
        302: "the modem does not allow it",
        303: "the modem does not know how",
        304: "the modem does not accept this PDU",
        305: "the modem does not accept this text",
        310: "no SIM is inserted",
        311: "the SIM asks for its PIN",
        313: "the SIM does not work",
        314: "the SIM is busy",
        315: "this SIM is of another network",
        320: "the memory does not work",
        321: "there is no such place in the memory",
        322: "the memory is full",
        330: "the number of the service centre is not known",
        331: "there is no network",
        332: "the network did not answer in time",
        340: "the modem waited for no acknowledgement",
        500: "the modem does not say why",
    }
)


class ModemError(CarrierRefused):
    """`code` is the modem's own number, if it gave one."""

    code: int | None


class ModemGone(ModemError):
    """The port ended: unplugged, or without power. Nothing more is known of a message that was being sent."""

    def __init__(self, text: str) -> None:
        super().__init__(text, again=Again.LATER)


def refusal(code: int) -> ModemError:
    """What a code of +CMS ERROR means. One that nobody knows is tried again a few times."""
    said = WORDS.get(code, "the modem refused the message")
    return ModemError(f"{said} (+CMS ERROR: {code})", again=AGAIN.get(code, Again.FEW_TIMES), code=code)
