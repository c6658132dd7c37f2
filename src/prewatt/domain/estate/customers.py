"""Tenants: recorded, corrected, and given an enquiry password. Whoever has no name yet is typed as a `Person`."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

PASSWORD_DIGITS = 6
PASSWORD = re.compile(r"\S{6,64}")
NUMBER = re.compile(r"[0-9A-Za-z_.\-]{1,32}")
PHONE = re.compile(r"[0-9+\-() ]{0,32}")
_TRAILING = re.compile(r"(.*?)(\d+)")


class CustomerRefused(Exception):
    """Nothing was changed. `code` is stable for programs, the text is for a person, `field` is what to mend."""

    code: ClassVar[str] = "customer_refused"
    retry: ClassVar[bool] = False

    def __init__(self, text: str, *, field: str = "") -> None:
        self.field = field
        super().__init__(text)


class NameNeeded(CustomerRefused):
    code = "name_needed"


class NumberNotRight(CustomerRefused):
    code = "number_not_right"


class NumberTaken(CustomerRefused):
    code = "number_taken"


class PhoneNotRight(CustomerRefused):
    code = "phone_not_right"


class PasswordTooShort(CustomerRefused):
    code = "password_too_short"


class TooLong(CustomerRefused):
    code = "too_long"


class MayNotChange(CustomerRefused):
    code = "no_right"


@dataclass(frozen=True, slots=True)
class Person:
    """用户信息 as typed. An empty password gives none: without one the tenant cannot look."""

    number: str
    name: str
    contact: str = ""
    phone: str = ""
    address: str = ""
    note: str = ""
    password: str = ""


def random_password() -> str:
    """Six digits, offered once: only their hash is kept."""
    return f"{secrets.randbelow(10**PASSWORD_DIGITS):0{PASSWORD_DIGITS}d}"


def next_number(operator: Operator) -> str:
    """The number that follows the newest customer's that the operator sees: K0152 -> K0153.

    A proposal; the database keeps it unique.
    """
    newest = Customer.objects.for_operator(operator).order_by("-pk").values_list("number", flat=True).first()
    match = _TRAILING.fullmatch(newest or "K0000")
    head, digits = (match[1], match[2]) if match else ("K", "0000")
    number = int(digits)
    while True:
        number += 1
        proposed = f"{head}{number:0{len(digits)}d}"
        if not Customer.objects.filter(number=proposed).exists():
            return proposed


@transaction.atomic
def record(*, person: Person, operator: Operator, now: datetime, address: str = "") -> Customer:
    """A new tenant. Raises CustomerRefused."""
    _check_right(operator)
    typed = _checked(person)
    if Customer.objects.filter(number=typed.number).exists():
        raise NumberTaken(
            _("User number %(number)s is taken. Nothing was saved. Take another, such as %(free)s.")
            % {"number": typed.number, "free": next_number(operator)},
            field="number",
        )
    customer = Customer.objects.create(
        **_kept(typed),
        pinyin=estate.initials(typed.name),
        password=make_password(typed.password) if typed.password else "",
        created_at=now,
        created_by=operator,
    )
    staff.log(
        operator=operator,
        action="customer.add",
        target=f"customer {customer.number}",
        after=_kept(typed),
        address=address,
        now=now,
    )
    return customer


@transaction.atomic
def change(*, customer: Customer, person: Person, operator: Operator, now: datetime, address: str = "") -> Customer:
    """Correct a tenant's particulars; the number stays, for it stands on receipts. An empty password keeps the old one.

    Raises CustomerRefused.
    """
    _check_right(operator)
    typed = _checked(replace(person, number=customer.number))
    held = Customer.objects.select_for_update().get(pk=customer.pk)
    before = {name: getattr(held, name) for name in _kept(typed)}
    changed = {name: value for name, value in _kept(typed).items() if value != before[name]}
    for name, value in changed.items():
        setattr(held, name, value)
    held.pinyin = estate.initials(held.name)
    if typed.password:
        held.password = make_password(typed.password)
    if changed or typed.password:
        held.save(update_fields=[*changed, "pinyin", "password"])
        staff.log(
            operator=operator,
            action="customer.change",
            target=f"customer {held.number}",
            before={name: before[name] for name in changed},
            after=changed | ({"password": "new"} if typed.password else {}),
            address=address,
            now=now,
        )
    return held


def _kept(person: Person) -> dict[str, str]:
    return {name: value for name, value in asdict(person).items() if name != "password"}


def _check_right(operator: Operator) -> None:
    if not operator.may(Right.OPEN_ACCOUNT):
        raise MayNotChange(
            _("%(who)s may not do this. Nothing was saved. Ask an administrator for the right “%(right)s”.")
            % {"who": operator.username, "right": Right.OPEN_ACCOUNT.label}
        )


def _checked(person: Person) -> Person:
    """Without spaces around, within what is kept. Raises CustomerRefused."""
    typed = Person(**{name: value.strip() for name, value in asdict(person).items()})
    if not NUMBER.fullmatch(typed.number):
        raise NumberNotRight(
            _("The user number is up to 32 letters and digits without spaces. Nothing was saved. Such as K0153."),
            field="number",
        )
    if not typed.name:
        raise NameNeeded(
            _("The tenant has no name yet. Nothing was saved. Type the name of the shop or person."), field="name"
        )
    if not PHONE.fullmatch(typed.phone):
        raise PhoneNotRight(
            _("“%(phone)s” is not a telephone number. Nothing was saved. Type digits, such as 13800000000.")
            % {"phone": typed.phone[:32]},
            field="phone",
        )
    if typed.password and not PASSWORD.fullmatch(typed.password):
        raise PasswordTooShort(
            _("The enquiry password is too short. Nothing was saved. Give at least six digits or letters, no spaces."),
            field="password",
        )
    for name, value in _kept(typed).items():
        most = int(getattr(Customer._meta.get_field(name), "max_length"))  # noqa: B009 - all of them are text
        if len(value) > most:
            raise TooLong(
                _("“%(text)s…” is longer than %(most)d characters. Nothing was saved. Shorten it.")
                % {"text": value[:20], "most": most},
                field=name,
            )
    return typed


def password_fits(*, customer: Customer, password: str) -> bool:
    """Is this the tenant's enquiry password? Never true for a tenant without one."""
    return bool(customer.password) and check_password(password, customer.password)


@transaction.atomic
def mark(
    *,
    opening: Opening,
    operator: Operator,
    now: datetime,
    use: str,
    alarm1_notify: bool,
    alarm2_notify: bool,
    texts: bool,
    inactive: bool,
    address: str = "",
) -> Opening:
    """What an account says about itself: kind of use, notices, 失效. Nothing of it lives in the meter."""
    _check_right(operator)
    if not Meter.objects.for_operator(operator).filter(pk=opening.meter_id).exists():
        raise MayNotChange(_("This meter stands outside your buildings. Nothing was saved."))
    wanted = {
        "use": use.strip()[:32],
        "alarm1_notify": alarm1_notify,
        "alarm2_notify": alarm2_notify,
        "texts": texts,
        "inactive": inactive,
    }
    held = Opening.objects.select_for_update().select_related("meter").get(pk=opening.pk)
    before = {name: getattr(held, name) for name in wanted}
    changed = {name: value for name, value in wanted.items() if value != before[name]}
    if changed:
        for name, value in changed.items():
            setattr(held, name, value)
        held.save(update_fields=list(changed))
        staff.log(
            operator=operator,
            action="account.mark",
            target=f"meter {held.meter.number}",
            before={name: before[name] for name in changed},
            after=changed,
            address=address,
            now=now,
        )
    return held
