"""Operators, roles, and the sealed operation log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from prewatt.domain.staff.rights import Right


class Role(models.Model):
    """A named set of rights."""

    code = models.SlugField(max_length=32, unique=True)
    name = models.CharField(max_length=64)
    rights = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class OperatorManager(BaseUserManager["Operator"]):
    def get_by_natural_key(self, username: str | None) -> Operator:
        return self.get(username=username)


class Operator(AbstractBaseUser):
    """Somebody who logs in to the console. `all_buildings` or a list of buildings is what he sees at all."""

    username = models.CharField(_("user name"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=64, blank=True)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="operators")
    all_buildings = models.BooleanField(default=False)
    buildings = models.ManyToManyField("estate.Building", blank=True, related_name="+")
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, blank=True)
    created_at = models.DateTimeField()
    must_change_password = models.BooleanField(default=False)  # somebody else chose it
    password_form = models.CharField(max_length=64, blank=True, default="")  # the form that gave it: sent twice is once

    objects = OperatorManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["password_form"], condition=~Q(("password_form", "")), name="staff_password_form_once"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def may(self, right: Right) -> bool:
        return self.is_active and right.value in self.role.rights


class SignIn(models.Model):
    """A browser in which an operator is logged in. Without its row the session is over.

    The session carries a random word and this row its digest: neither tells the session's key.
    """

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="sign_ins")
    digest = models.CharField(max_length=64, unique=True)
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=256, blank=True)
    second_factor = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.operator_id} from {self.address}"


class ApiToken(models.Model):
    """What a program shows in place of a log-in. Kept as a digest; `form` is the digest of the form that made it."""

    name = models.CharField(max_length=64)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    begins = models.CharField(max_length=12)  # enough to tell two tokens apart, not to use one
    rights = models.JSONField(default=list)
    all_buildings = models.BooleanField(default=True)  # wherever its operator may look
    buildings = models.ManyToManyField("estate.Building", blank=True, related_name="+")
    form = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(Operator, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_address = models.CharField(max_length=64, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class _BuildingsOfBoth:
    """Of the operator as he is now and of the token. (A property may not hide a field; a descriptor may.)"""

    def __get__(self, who: Bearer, _owner: object = None) -> models.QuerySet[Any]:
        own = Operator.objects.get(pk=who.pk).buildings.all()
        if who.token.all_buildings:
            return own
        chosen = who.token.buildings.all()
        return chosen if who.token.operator.all_buildings else chosen.filter(pk__in=own.values("pk"))


class Bearer(Operator):
    """An operator as one of his tokens narrows him (`tokens.acting`). Lives for one request and is never saved."""

    token: ApiToken

    class Meta:
        proxy = True

    buildings = _BuildingsOfBoth()  # type: ignore[assignment]  # reads only

    def save(self, *_args: object, **_kwargs: object) -> None:
        raise TypeError("an operator seen through a token is not saved")


class RecoveryCode(models.Model):
    """Opens once in place of the second factor. Kept as a digest, and kept after use."""

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["operator", "digest"], name="staff_recovery_code_once")
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.operator_id}"


class Site(models.Model):
    """What stands on the door: the property company's name, a line of text and its logo. One row."""

    name = models.CharField(max_length=32, blank=True)
    text = models.CharField(max_length=120, blank=True)
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=16, blank=True)
    logo_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="staff_one_site")]

    def __str__(self) -> str:
        return self.name


class LogEntry(models.Model):
    """Who, when, from where, what, before and after. Rows are only ever added (migration 0002)."""

    at = models.DateTimeField(db_index=True)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, null=True, related_name="+")
    operator_name = models.CharField(max_length=64, blank=True)  # as it was then
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=128, blank=True, db_index=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.operator_name} {self.action} {self.target}"


class LogSeal(models.Model):
    """SHA-256 over the previous seal and one entry's canonical content. Laid by the worker, in one chain."""

    seq = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT)
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.seq} {self.sha256[:12]}"
