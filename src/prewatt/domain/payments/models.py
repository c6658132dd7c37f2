"""What tenants try to pay, what providers said of it word by word, and what went back on the way it came."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from prewatt.domain.payments.channel import Lead, Opens


class Provider(models.TextChoices):
    """Also a way of paying of the ledger: `tender:alipay` and so on."""

    ALIPAY = "alipay", _("Alipay")
    WECHAT = "wechat", _("WeChat Pay")
    UNIONPAY = "unionpay", _("UnionPay")


class State(models.TextChoices):
    """Where an attempt stands with its provider, as far as we were told."""

    NEW = "new", pgettext_lazy("payment", "asked for")  # the row stands; the provider may not have heard of it
    WAITING = "waiting", pgettext_lazy("payment", "waits for the payer")
    UNKNOWN = "unknown", pgettext_lazy("payment", "nobody says: asked again")
    PAID = "paid", pgettext_lazy("payment", "paid")
    CLOSED = "closed", pgettext_lazy("payment", "closed, not paid")
    REFUSED = "refused", pgettext_lazy("payment", "refused by the provider")


UNSETTLED = (State.NEW, State.WAITING, State.UNKNOWN)  # what the worker asks about


class Became(models.TextChoices):
    """What the money of a paid attempt was made into."""

    SALE = "sale", pgettext_lazy("payment", "a sale")
    WALLET = "wallet", pgettext_lazy("payment", "kept in the wallet")


class Why(models.TextChoices):
    """Why money could not become the sale that it was paid for."""

    SECOND = "second", _("the same order was already paid")
    AMOUNT = "amount", _("another amount was paid")
    LATE = "late", _("paid after it was closed")
    ACCOUNT_CLOSED = "account_closed", _("the account was closed meanwhile")
    OTHER_TENANT = "other_tenant", _("the meter has another tenant now")
    CEILING = "ceiling", _("above the ceiling of the meter")
    NOT_SOLD = "not_sold", _("nothing may be sold to this account now")


class Attempt(models.Model):
    """One try to pay one order by one channel. `order_no` is what the provider knows it by, and its sale's id.

    An order (`order_id`, made by whoever asks) may have several; at most one of them becomes its sale.
    """

    order_no = models.CharField(max_length=32, primary_key=True)
    order_id = models.CharField(max_length=64)
    nth = models.SmallIntegerField(default=1)  # by this channel and way
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="payments")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, related_name="attempts")
    amount_fen = models.BigIntegerField()
    facts = models.JSONField(default=dict)  # tariff and meter as they stood when it was asked for
    channel = models.CharField(max_length=16, choices=Provider.choices)
    way = models.CharField(max_length=8)
    by = models.CharField(max_length=64, blank=True)  # the door it came through: tenant, kiosk …
    address = models.CharField(max_length=64, blank=True)
    payer = models.CharField(max_length=64, blank=True)  # the openid, inside the provider's app
    return_url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # What follows may change.
    lead_facts = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    state_at = models.DateTimeField()
    says = models.CharField(max_length=300, blank=True)  # the provider's last word, where it refused
    channel_no = models.CharField(max_length=64, blank=True)
    paid_at = models.DateTimeField(null=True)  # by the provider's clock
    paid_fen = models.BigIntegerField(null=True)  # as the provider signed it
    settled_at = models.DateTimeField(null=True)  # when our books took it
    became = models.CharField(max_length=8, choices=Became.choices, blank=True)
    why = models.CharField(max_length=16, choices=Why.choices, blank=True)
    sale = models.OneToOneField("vending.Sale", on_delete=models.PROTECT, null=True, related_name="attempt")
    unwanted = models.BooleanField(default=False)  # its order was paid by another attempt, or withdrawn: close it
    seen_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    seen_at = models.DateTimeField(null=True)  # a person took note that the money waits in the wallet
    note = models.CharField(max_length=400, blank=True)
    told_at = models.DateTimeField(null=True)  # a notification said that it was paid; only the answer to a query counts
    asked = models.IntegerField(default=0)  # how often the worker asked in vain
    next_ask_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "order_no"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_id", "channel", "way", "nth"], name="payments_attempt_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_attempt_positive"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="payments_attempt_state_known"),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(paid_fen__gt=0, settled_at__isnull=False, became__in=Became.values),
                name="payments_paid_became_something",
            ),
            models.CheckConstraint(condition=~Q(became="sale") | Q(sale__isnull=False), name="payments_sale_is_there"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "next_ask_at"], condition=Q(next_ask_at__isnull=False), name="payments_asking"
            ),
            models.Index(fields=["created_at"], name="payments_attempt_at"),
            models.Index(fields=["channel", "paid_at"], name="payments_attempt_paid"),
            models.Index(fields=["became", "settled_at"], name="payments_attempt_became"),
        ]

    def __str__(self) -> str:
        return self.order_no

    @property
    def lead(self) -> Lead:
        """What the payer's browser does next. Empty fields while the provider has not answered."""
        known: dict[str, Any] = self.lead_facts
        return Lead(Opens(known.get("opens", Opens.VISIT)), known.get("url", ""), dict(known.get("fields", {})))


class Verdict(models.TextChoices):
    TAKEN = "taken", pgettext_lazy("notice", "taken")
    ASKED = "asked", pgettext_lazy("notice", "the provider was asked at once")
    REPEATED = "repeated", pgettext_lazy("notice", "known already")
    FORGED = "forged", pgettext_lazy("notice", "not signed by the provider, or not for us")
    NO_ORDER = "no_order", pgettext_lazy("notice", "for an order that is not ours")
    AMOUNT = "amount", pgettext_lazy("notice", "another amount than asked")
    NOTHING = "nothing", pgettext_lazy("notice", "changes nothing")


class Heard(models.TextChoices):
    NOTICE = "notice", pgettext_lazy("payment", "notification")
    QUERY = "query", pgettext_lazy("payment", "answer to a query")
    CLOSE = "close", pgettext_lazy("payment", "answer to a closing")
    CREATE = "create", pgettext_lazy("payment", "answer to the order")
    BACK = "back", pgettext_lazy("payment", "answer to a refund")


class Notice(models.Model):
    """A message of a provider as it came, believed or not. Only ever added."""

    channel = models.CharField(max_length=16, choices=Provider.choices)
    heard = models.CharField(max_length=8, choices=Heard.choices)
    at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    order_no = models.CharField(max_length=64, blank=True, db_index=True)  # as it says: it may be nobody's
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    says = models.CharField(max_length=300, blank=True)  # why it was not believed; what it stands for
    amount_fen = models.BigIntegerField(null=True)
    body = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["channel", "verdict", "at"], name="payments_notice_at")]

    def __str__(self) -> str:
        return f"{self.channel} {self.verdict} {self.order_no}"


class BackStanding(models.TextChoices):
    METER = "meter", pgettext_lazy("payback", "the meter gives it back first")
    ASKING = "asking", pgettext_lazy("payback", "the provider is asked")
    UNKNOWN = "unknown", pgettext_lazy("payback", "nobody says: asked again")
    DONE = "done", pgettext_lazy("payback", "paid back")
    REFUSED = "refused", pgettext_lazy("payback", "refused by the provider: the money is in the wallet")
    CANCELLED = "cancelled", pgettext_lazy("payback", "not done: the meter kept it")


BACK_OPEN = (BackStanding.METER, BackStanding.ASKING, BackStanding.UNKNOWN)
BACK_COUNTS = (*BACK_OPEN, BackStanding.DONE)


class PaidBack(models.Model):
    """Money of a paid attempt on its way back to whoever paid it. `back_no` is what the provider knows it by.

    `refund`: vending takes it off the meter, or out of the wallet of a sale that waits; `reversal`: the counter turned
    the sale round. With neither it lay in the wallet.

    `tender`: the channel, or what the payer got instead (cash …) where it would not.
    """

    back_no = models.CharField(max_length=32, primary_key=True)
    form_id = models.CharField(max_length=64, unique=True)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="backs")
    amount_fen = models.BigIntegerField()
    tender = models.CharField(max_length=16)
    reason = models.CharField(max_length=200)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    refund = models.OneToOneField("vending.Refund", on_delete=models.PROTECT, null=True, related_name="paid_back")
    reversal = models.OneToOneField("vending.Reversal", on_delete=models.PROTECT, null=True, related_name="paid_back")
    asked_at = models.DateTimeField()
    # What follows may change.
    state = models.CharField(max_length=9, choices=BackStanding.choices)
    state_at = models.DateTimeField()
    channel_no = models.CharField(max_length=64, blank=True)
    says = models.CharField(max_length=300, blank=True)
    asked = models.IntegerField(default=0)
    next_ask_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-asked_at", "back_no"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_back_positive"),
            models.CheckConstraint(condition=Q(state__in=BackStanding.values), name="payments_back_state_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_ask_at"], condition=Q(state__in=BACK_OPEN), name="payments_back_to_ask"),
        ]

    def __str__(self) -> str:
        return self.back_no


class ChannelSetup(models.Model):
    """One provider as the site has set it up. Keys are sealed under the machine's passphrase, and never shown again."""

    channel = models.CharField(max_length=16, choices=Provider.choices, primary_key=True)
    on = models.BooleanField(default=False)
    values = models.JSONField(default=dict)  # what is no secret: merchant number, app id …
    sealed = models.BinaryField(default=b"")  # the secrets, as `sealing.seal` makes them
    secret_names = models.JSONField(default=list)  # which of them are there
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.channel


class Bill(models.Model):
    """A provider's bill of one day, and how far it agrees with our books. Closed: nothing unexplained, or signed."""

    channel = models.CharField(max_length=16, choices=Provider.choices)
    day = models.DateField()
    fetched_at = models.DateTimeField(null=True)
    none_says = models.CharField(max_length=300, blank=True)  # the provider has none: its own words
    tries = models.IntegerField(default=0)
    next_try_at = models.DateTimeField()
    paid_fen = models.BigIntegerField(default=0)
    back_fen = models.BigIntegerField(default=0)
    fee_fen = models.BigIntegerField(default=0)
    matched = models.IntegerField(default=0)
    closed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    signed_note = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering: ClassVar = ["-day", "channel"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["channel", "day"], name="payments_bill_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.day}"


class BillRow(models.Model):
    """A line of the provider's bill as it was fetched."""

    bill = models.ForeignKey(Bill, on_delete=models.CASCADE, related_name="rows")
    nth = models.IntegerField()
    kind = models.CharField(max_length=8)
    order_no = models.CharField(max_length=64, blank=True)
    channel_no = models.CharField(max_length=64, blank=True)
    back_no = models.CharField(max_length=64, blank=True)
    amount_fen = models.BigIntegerField()
    fee_fen = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    raw = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["bill", "nth"], name="payments_bill_row_once")]
        indexes: ClassVar = [models.Index(fields=["order_no"], name="payments_bill_row_order")]

    def __str__(self) -> str:
        return f"{self.kind} {self.order_no} {self.amount_fen}"


class Kind(models.TextChoices):
    """How the provider's bill, our attempts and the credits may differ."""

    NOT_OURS = "not_ours", _("paid at the provider, unknown to us")
    NOT_ON_BILL = "not_on_bill", _("paid by our books, not on the bill")
    NOT_CREDITED = "not_credited", _("paid, not credited")
    NOT_PAID = "not_paid", _("credited, not paid")
    AMOUNT = "amount", _("the amounts differ")
    BACK_MISSING = "back_missing", _("refund not on the bill")
    BACK_UNKNOWN = "back_unknown", _("refund on the bill, unknown to us")
    BACK_AMOUNT = "back_amount", _("the refund's amounts differ")
    BACK_TWICE = "back_twice", _("refunded twice")
    PROVIDER = "provider", _("booked by the provider itself: charge-back or the like")


class Difference(models.Model):
    """Something in a bill that is not explained. It has an owner and an age; it ends by agreeing or by a word.

    `ours_fen` and `theirs_fen` are what the two sides say; null: that side says nothing.
    """

    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="differences")
    key = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, null=True, related_name="differences")
    back = models.ForeignKey(PaidBack, on_delete=models.PROTECT, null=True, related_name="differences")
    order_no = models.CharField(max_length=64, blank=True)
    channel_no = models.CharField(max_length=64, blank=True)
    ours_fen = models.BigIntegerField(null=True)
    theirs_fen = models.BigIntegerField(null=True)
    since = models.DateTimeField()
    owner = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    word = models.CharField(max_length=400, blank=True)  # why it is explained

    class Meta:
        ordering: ClassVar = ["-since", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["bill", "key"], name="payments_difference_once")]
        indexes: ClassVar = [
            models.Index(fields=["since"], condition=Q(ended_at__isnull=True), name="payments_difference_open")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
