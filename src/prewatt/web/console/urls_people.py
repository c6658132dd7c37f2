"""Addresses of people: operators, roles, the log, one's own account, and the door's sign."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import account, log, login, operators, roles, site, tokens

urlpatterns = [
    path("login/code/", login.log_in_code, name="login-code"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="account-password"),
    path("account/second-factor/", account.second_factor_on, name="account-second-factor"),
    path("account/second-factor/off/", account.second_factor_off, name="account-second-factor-off"),
    path("account/second-factor/codes/", account.recovery_codes, name="account-recovery"),
    path("account/sign-ins/", account.sign_out_others, name="account-sign-out-others"),
    path("account/sign-ins/<int:pk>/", account.sign_out, name="account-sign-out"),
    path("operators/", operators.register, name="operators"),
    path("operators/new/", operators.new, name="operator-new"),
    path("operators/<int:pk>/", operators.show, name="operator"),
    path("operators/<int:pk>/active/", operators.active, name="operator-active"),
    path("operators/<int:pk>/password/", operators.password, name="operator-password"),
    path("operators/<int:pk>/second-factor/", operators.second_factor, name="operator-second-factor"),
    path("operators/<int:pk>/sign-out/", operators.sign_out, name="operator-sign-out"),
    path("roles/", roles.index, name="roles"),
    path("roles/new/", roles.add, name="role-new"),
    path("roles/<int:pk>/rename/", roles.rename, name="role-rename"),
    path("roles/<int:pk>/remove/", roles.remove, name="role-remove"),
    path("settings/tokens/", tokens.index, name="tokens"),
    path("settings/tokens/new/", tokens.new, name="token-new"),
    path("settings/tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("log/", log.register, name="log"),
    path("log/<int:pk>/", log.show, name="log-entry"),
    path("site/", site.sign, name="site"),
    path("site/logo/", site.logo, name="logo"),
]
