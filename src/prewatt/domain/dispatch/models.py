"""Orders to meters, decisions by people, and answers that contradict what is settled."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from prewatt.domain.dispatch.states import OPEN, State
from prewatt.link.messages import MONEY_KINDS
from prewatt.link.messages import Kind as LinkKind

# They change the purchase count or set it: at most one of them may be on its way to a meter.
SERIAL_KINDS = frozenset({*MONEY_KINDS, LinkKind.OPEN})


class Kind(models.TextChoices):
    """The words of the link, with the words people use."""

    RECHARGE = LinkKind.RECHARGE.value, _("recharge")
    REFUND = LinkKind.REFUND.value, _("refund")
    SWITCH_OFF = LinkKind.SWITCH_OFF.value, _("switch off")
    SWITCH_ON = LinkKind.SWITCH_ON.value, _("switch on")
    HOLD = LinkKind.HOLD.value, _("hold")
    RELEASE = LinkKind.RELEASE.value, _("release")
    PRICES = LinkKind.PRICES.value, _("prices")
    LIMITS = LinkKind.LIMITS.value, _("limits")
    OPEN = LinkKind.OPEN.value, _("open account")
    CLOCK = LinkKind.CLOCK.value, _("set clock")
    READ = LinkKind.READ.value, _("read now")


class MeterOrder(models.Model):
    """One order to one meter. The asker makes `id`; the same id again is the same order.

    A money order waits without a `count` while another is on its way; the head of the queue gets the next count.
    """

    id = models.CharField(max_length=64, primary_key=True)
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="orders")
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, null=True, related_name="orders")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount_fen = models.BigIntegerField(null=True)
    count = models.IntegerField(null=True)
    bought_before_fen = models.BigIntegerField(null=True)
    values = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=64, blank=True)
    cause_kind = models.CharField(max_length=24, blank=True)  # sale, refund, reversal, opening, arrears, recalled …
    cause_id = models.CharField(max_length=64, blank=True)
    placed_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    leased_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    before = models.JSONField(default=dict, blank=True)  # readings of the deciding answer
    after = models.JSONField(default=dict, blank=True)
    answered_at = models.DateTimeField(null=True)  # the gateway's time of the deciding answer
    writes = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["meter"],
                condition=Q(kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN), count__isnull=False),
                name="dispatch_one_open_money_order",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="dispatch_order_state_known"),
            models.CheckConstraint(
                condition=~Q(kind__in=sorted(MONEY_KINDS))
                | Q(amount_fen__gt=0, expires_at__isnull=True, opening__isnull=False),
                name="dispatch_money_order_whole",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=sorted(MONEY_KINDS), state__in=("leased", "taken", "unclear", "done"))
                | Q(count__gt=0),
                name="dispatch_money_order_counted",
            ),
        )
        indexes = (
            models.Index(
                fields=["meter", "placed_at"], condition=Q(state__in=sorted(OPEN)), name="dispatch_order_open"
            ),
            models.Index(fields=["cause_kind", "cause_id"], name="dispatch_order_cause"),
            models.Index(fields=["opening", "state"], name="dispatch_order_opening"),
            models.Index(fields=["placed_at"], name="dispatch_order_placed"),
            models.Index(fields=["placed_at"], condition=Q(state="unclear"), name="dispatch_order_unclear"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.state})"


class Decision(models.Model):
    """A person's word on an unclear order, with the readings that were on the screen."""

    order = models.OneToOneField(MeterOrder, on_delete=models.PROTECT, related_name="decision")
    applied = models.BooleanField()
    reason = models.CharField(max_length=400)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.order_id}: {'applied' if self.applied else 'not applied'}"


class CountCorrection(models.Model):
    """The meter's purchase count differs from our confirmed orders by `delta`, and a person said why.

    Without a person: the order's money is proven to be on the meter, or not to be, and a power cut tore the count off
    it (`count_torn`).
    """

    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="count_corrections")
    order = models.ForeignKey(MeterOrder, on_delete=models.PROTECT, related_name="count_corrections")
    delta = models.IntegerField()
    reason = models.CharField(max_length=400)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.opening_id}: {self.delta:+d}"


class Contradiction(models.Model):
    """An answer that contradicts what is settled, or that nobody asked for. It moves no money; a person must look."""

    order_ref = models.CharField(max_length=64)
    outcome = models.CharField(max_length=9)
    meter_number = models.CharField(max_length=64)
    gateway_code = models.CharField(max_length=64)
    why = models.CharField(max_length=24)  # unknown_order, foreign_meter, contradicts
    state = models.CharField(max_length=9, blank=True)  # the order's state when it came
    answer = models.JSONField(default=dict)
    first_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    resolution = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["order_ref", "outcome", "gateway_code"], name="dispatch_contradiction_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.order_ref} {self.outcome}: {self.why}"


class RestorePoint(models.Model):
    """This database was brought back from a backup. Receipts go on in series of their own from here (`series` is what
    their names end with): what was printed after the backup is on paper, and no number may stand on two papers.
    """

    at = models.DateTimeField()
    backup_made_at = models.DateTimeField()
    series = models.CharField(max_length=3)

    def __str__(self) -> str:
        return f"{self.at:%F %T} from {self.backup_made_at:%F %T}"


class Unseen(models.Model):
    """A meter with an account that nobody has compared with the books since they were restored.

    New money waits for it here. `differs`: it was read, and shows other purchases than the books know.
    """

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="+")
    since = models.DateTimeField()
    differs = models.BooleanField(default=False)
    shown = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.meter_id} since {self.since:%F %T}"
