"""Accounts, transfers, seals. Rows are only ever added; the database itself refuses the rest (migration 0002)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Account(models.Model):
    code = models.CharField(max_length=16)
    owner = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["code", "owner"], name="ledger_account_once"),)

    def __str__(self) -> str:
        return f"{self.code}:{self.owner}" if self.owner else self.code


class Kind(models.TextChoices):
    """POSTED and CONFIRMED move money. A PENDING transfer reserves it until another row confirms or voids it."""

    POSTED = "posted", _("posted")
    PENDING = "pending", _("pending")
    CONFIRMED = "confirmed", _("confirmed")
    VOIDED = "voided", _("voided")


MOVING = (Kind.POSTED, Kind.CONFIRMED)
RESOLVING = (Kind.CONFIRMED, Kind.VOIDED)


class Transfer(models.Model):
    """An amount from one account (`debit`) to another (`credit`). `key` names its cause: a replay finds the first."""

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    resolves = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="resolution")
    cause_kind = models.CharField(max_length=24)
    cause_id = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="ledger_transfer_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="ledger_transfer_two_accounts"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="ledger_transfer_kind_known"),
            models.CheckConstraint(
                condition=Q(kind__in=RESOLVING, resolves__isnull=False)
                | Q(kind__in=("posted", "pending"), resolves__isnull=True),
                name="ledger_transfer_resolves_fits",
            ),
        )
        indexes = (
            models.Index(fields=["debit", "id"], name="ledger_transfer_debit"),
            models.Index(fields=["credit", "id"], name="ledger_transfer_credit"),
            models.Index(fields=["cause_kind", "cause_id"], name="ledger_transfer_cause"),
            models.Index(fields=["debit"], condition=Q(kind="pending"), name="ledger_transfer_reserved"),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.kind} {self.amount_fen} fen"


class Seal(models.Model):
    """SHA-256 over the previous seal and one transfer's canonical content. Laid by the worker, in one chain."""

    seq = models.BigIntegerField(primary_key=True)
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT)
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.seq} {self.sha256[:12]}"


class DaySeal(models.Model):
    """The chain's last seal when a business day was closed; printed on the day-close report: it stands on paper too."""

    day = models.DateField(primary_key=True)
    seq = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    laid_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day} {self.sha256[:12]}"


class Checkpoint(models.Model):
    """An account's balance over all transfers with id <= `upto`; laid only when none of them can still be in flight."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    upto = models.BigIntegerField()
    balance_fen = models.BigIntegerField()
    laid_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "upto"], name="ledger_checkpoint_once"),)

    def __str__(self) -> str:
        return f"{self.account_id} up to {self.upto}: {self.balance_fen} fen"
