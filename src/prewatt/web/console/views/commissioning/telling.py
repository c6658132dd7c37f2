"""What a gateway found, in words: quantities of a living meter, frames of a bus, reasons why something ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from prewatt.domain.commissioning.models import SeenFrame
from prewatt.domain.commissioning.queries import Verdict
from prewatt.profiles.quantities import QUANTITIES
from prewatt.web.parts import formats
from prewatt.web.parts.words import Text

# verdict: word, icon, tone
VERDICTS: dict[Verdict, tuple[Text, str, str]] = {
    Verdict.KNOWN: (_("as in the estate"), "circle-check", "good"),
    Verdict.UNKNOWN: (_("not in the estate"), "help-circle", "accent"),
    Verdict.MISSING: (_("does not answer"), "plug-connected-x", "bad"),
    Verdict.WRONG_MODEL: (_("another model"), "alert-triangle", "warn"),
    Verdict.TWICE: (_("two meters answer"), "alert-octagon", "bad"),
    Verdict.GARBLED: (_("damaged answers"), "alert-octagon", "bad"),
}
WHYS: dict[str, Text] = {
    "configured": _("Two meters have this address in the estate; the gateway asks only the first."),
    "twice": _("More bytes came than one meter sends."),
    "garbled": _("Every answer came damaged: two meters in chorus, a wrong parity, or a loose wire."),
}
REASONS: dict[str, Text] = {
    "expired": _("Its time was over."),
    "line_down": _("The gateway cannot open this bus. Look at the serial server and its cable."),
    "line_noisy": _("The bus is never silent: a second master, a device that babbles, or a wiring fault."),
    "no_answer": _("The meter does not answer."),
    "crc_mismatch": _("The answer came damaged."),
    "truncated": _("The answer came cut off."),
    "exception_answer": _("The meter answers, and refuses this register. Perhaps it is another model."),
    "wrong_unit": _("Another meter answered."),
    "wrong_function": _("The answer was not one to this question."),
    "wrong_length": _("The answer has the wrong length."),
    "unknown_bus": _("The gateway does not know this bus (yet)."),
    "unknown_kind": _("The gateway's software is too old for this."),
    "unknown_model": _("The gateway does not know this model."),
    "model_needed": _("No meter is configured at this address. Choose a model."),
    "other_protocol": _("This bus speaks another protocol than the model."),
    "nothing_to_read": _("Of this model nothing may be read here."),
    "gateway_stopped": _("The gateway ended, or this bus was configured anew."),
    "replaced": _("Another look at this bus took its place."),
    "would_write": _("The gateway refused: this could have changed a meter."),
    "internal_error": _("The gateway met a mistake of its own; its log tells it."),
}
ERRORS: dict[str, Text] = {
    "crc_mismatch": _("checksum wrong"),
    "checksum_mismatch": _("checksum wrong"),
    "truncated": _("cut off"),
    "wrong_length": _("wrong length"),
    "too_long": _("too long"),
    "no_frame": _("no frame"),
    "wrong_protocol": _("not Modbus"),
    "refused": _("refused"),
    "garbage": _("garbage"),
}
_FUNCTIONS: dict[int, Text] = {
    1: _("read coils"),
    2: _("read inputs"),
    3: _("read registers"),
    4: _("read input registers"),
    5: _("write one coil"),
    6: _("write one register"),
    15: _("write coils"),
    16: _("write registers"),
}
_EXCEPTIONS: dict[int, Text] = {
    1: _("unknown function"),
    2: _("no such register"),
    3: _("value not allowed"),
    4: _("the meter failed"),
    6: _("busy"),
    10: _("no way to the meter"),
    11: _("the meter is silent"),
}
REGISTERS_SHOWN = 12


def reason(code: str) -> Text:
    return REASONS.get(code, code)


def told(frame: SeenFrame) -> str:
    """One frame in one line."""
    fields = frame.fields
    if "exception" in fields:
        number = fields["exception"]
        return gettext("refused: %(why)s") % {"why": _EXCEPTIONS.get(number, number)}
    if "function" in fields and isinstance(fields["function"], int):
        return _modbus(fields, out=frame.out)
    return " ".join(_dlt645(fields))


def _modbus(fields: Mapping[str, object], *, out: bool) -> str:
    number = fields["function"]
    name = str(_FUNCTIONS.get(number, f"{number:02X}")) if isinstance(number, int) else ""
    parts = [name if out else gettext("answer to: %(what)s") % {"what": name}]
    if isinstance(address := fields.get("address"), int):
        parts.append(f"{address:04X}")
    if isinstance(count := fields.get("count"), int):
        parts.append(f"× {count}")
    if isinstance(registers := fields.get("registers"), list):
        shown = " ".join(f"{one:04X}" for one in registers[:REGISTERS_SHOWN])
        parts.append(f"[{shown}{' …' if len(registers) > REGISTERS_SHOWN else ''}]")
    if isinstance(value := fields.get("value"), int):
        parts.append(f"= {value:04X}")
    return " ".join(parts)


def _dlt645(fields: Mapping[str, object]) -> Iterable[str]:
    for name in ("address", "di", "name", "command", "value", "values", "err_byte"):
        if fields.get(name):
            yield str(fields[name])


# --- quantities -------------------------------------------------------------------------------------------------------

Shown = Callable[[str, int], str]


def _yuan(_name: str, value: int) -> str:
    return formats.yuan(value)


def _kilo(_name: str, value: int) -> str:
    return formats.thousandth(value, 3)


def _scaled(name: str, value: int) -> str:
    return formats.scaled(value, QUANTITIES[name])


def _whole(_name: str, value: int) -> str:
    return str(value)


def _price(_name: str, value: int) -> str:
    return formats.scaled(value, 10_000)


def _moment(_name: str, value: int) -> str:
    return formats.moment(datetime.fromtimestamp(value / 1000, UTC))


def _yes(_name: str, value: int) -> str:
    return gettext("yes") if value else gettext("no")


def _contact(_name: str, value: int) -> str:
    return gettext("closed") if value else gettext("open (no power)")


def _forced(_name: str, value: int) -> str:
    return {0: gettext("prepaid logic"), 1: gettext("forced off"), 2: gettext("held on")}.get(value, str(value))


@dataclass(frozen=True, slots=True)
class Quantity:
    title: Text
    unit: Text
    shown: Shown


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity of a meter that is being read."""

    name: str
    title: Text
    text: str
    unit: Text


_YUAN, _KWH, _PRICE_UNIT = _("yuan"), "kWh", _("yuan/kWh")
GROUPS: tuple[tuple[Text, dict[str, Quantity]], ...] = (
    (
        _("Money on the meter"),
        {
            "balance_fen": Quantity(_("Balance"), _YUAN, _yuan),
            "overdraft_fen": Quantity(_("Overdraft"), _YUAN, _yuan),
            "purchase_count": Quantity(_("Purchases"), "", _whole),
            "bought_fen": Quantity(_("Bought in all"), _YUAN, _yuan),
            "alarm1_fen": Quantity(_("Alarm amount 1"), _YUAN, _yuan),
            "alarm2_fen": Quantity(_("Alarm amount 2"), _YUAN, _yuan),
            "ceiling_fen": Quantity(_("Balance ceiling"), _YUAN, _yuan),
            "overdraft_limit_fen": Quantity(_("Overdraft limit"), _YUAN, _yuan),
            "price_sharp_e4": Quantity(_("Price, sharp"), _PRICE_UNIT, _price),
            "price_peak_e4": Quantity(_("Price, peak"), _PRICE_UNIT, _price),
            "price_flat_e4": Quantity(_("Price, flat"), _PRICE_UNIT, _price),
            "price_valley_e4": Quantity(_("Price, valley"), _PRICE_UNIT, _price),
            "price_deep_e4": Quantity(_("Price, deep valley"), _PRICE_UNIT, _price),
        },
    ),
    (
        _("Energy"),
        {
            "energy_wh": Quantity(_("Register"), _KWH, _kilo),
            "energy_sharp_wh": Quantity(_("Register, sharp"), _KWH, _kilo),
            "energy_peak_wh": Quantity(_("Register, peak"), _KWH, _kilo),
            "energy_flat_wh": Quantity(_("Register, flat"), _KWH, _kilo),
            "energy_valley_wh": Quantity(_("Register, valley"), _KWH, _kilo),
            "energy_deep_wh": Quantity(_("Register, deep valley"), _KWH, _kilo),
            "energy_export_wh": Quantity(_("Register, fed back"), _KWH, _kilo),
        },
    ),
    (
        _("Electrical state"),
        {
            "voltage_a_v": Quantity(_("Voltage A"), "V", _scaled),
            "voltage_b_v": Quantity(_("Voltage B"), "V", _scaled),
            "voltage_c_v": Quantity(_("Voltage C"), "V", _scaled),
            "current_a_a": Quantity(_("Current A"), "A", _scaled),
            "current_b_a": Quantity(_("Current B"), "A", _scaled),
            "current_c_a": Quantity(_("Current C"), "A", _scaled),
            "power_w": Quantity(_("Power"), "kW", _kilo),
            "power_a_w": Quantity(_("Power A"), "kW", _kilo),
            "power_b_w": Quantity(_("Power B"), "kW", _kilo),
            "power_c_w": Quantity(_("Power C"), "kW", _kilo),
            "reactive_var": Quantity(_("Reactive power"), "kvar", _kilo),
            "power_factor": Quantity(_("Power factor"), "", _scaled),
            "frequency_hz": Quantity(_("Frequency"), "Hz", _scaled),
            "ct_ratio": Quantity(_("CT ratio set in the meter"), "", _whole),
        },
    ),
    (
        _("Switch and states"),
        {
            "relay_closed": Quantity(_("Switch"), "", _contact),
            "relay_command": Quantity(_("Switch as commanded"), "", _contact),
            "forced": Quantity(_("Remote control"), "", _forced),
            "prepaid_open": Quantity(_("Counts money down"), "", _yes),
            "state_arrears": Quantity(_("In arrears"), "", _yes),
            "state_alarm1": Quantity(_("In alarm 1"), "", _yes),
            "state_alarm2": Quantity(_("In alarm 2"), "", _yes),
            "state_overload": Quantity(_("Overloaded"), "", _yes),
            "overload_limit_w": Quantity(_("Overload threshold"), "kW", _kilo),
            "overload_trips": Quantity(_("Overload trips"), "", _whole),
            "clock_ms": Quantity(_("Meter's clock"), "", _moment),
        },
    ),
)


def groups(values: Mapping[str, int]) -> list[tuple[Text, list[Line]]]:
    """What was read, in the order in which a person looks; what the meter does not say is absent."""
    told = []
    for title, quantities in GROUPS:
        lines = [
            Line(name, one.title, one.shown(name, values[name]), one.unit)
            for name, one in quantities.items()
            if name in values
        ]
        if lines:
            told.append((title, lines))
    return told
