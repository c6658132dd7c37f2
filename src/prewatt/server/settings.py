"""Settings. Everything a site may change comes from the environment (`PREWATT_…`); every command explains a wrong one
(`prewatt.server.ready`, `prewatt.server.checks`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PACKAGE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("PREWATT_DATA", "var")).absolute()


def _secret_key() -> str:
    """From the environment, else a key of this data folder, made once (0600)."""
    if key := os.environ.get("PREWATT_SECRET_KEY"):
        return key
    path = DATA_DIR / "secret.key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(os.urandom(48).hex())
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
    return path.read_text().strip()


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        name = unquote(parts.path[1:])  # sqlite:///relative, sqlite:////absolute, sqlite:///:memory:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-32000"
                ),
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            # A sale asks the same few questions each time: the server keeps their plans.
            "OPTIONS": {"server_side_binding": True, "prepare_threshold": 3},
        }
    raise ValueError(f"PREWATT_DATABASE must start with sqlite:/// or postgresql://, not {parts.scheme!r}")


SECRET_KEY = _secret_key()
DEBUG = False
DEMO = os.environ.get("PREWATT_DEMO") == "1"
ALLOWED_HOSTS = os.environ.get("PREWATT_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("PREWATT_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "prewatt.domain.staff",
    "prewatt.domain.ledger",
    "prewatt.domain.tariff",
    "prewatt.domain.estate",
    "prewatt.domain.control",
    "prewatt.domain.forecast",
    "prewatt.domain.notices",
    "prewatt.domain.metering",
    "prewatt.domain.dispatch",
    "prewatt.domain.commissioning",
    "prewatt.domain.billing",
    "prewatt.domain.vending",
    "prewatt.domain.reconciliation",
    "prewatt.domain.alarms",
    "prewatt.domain.cutoff",
    "prewatt.domain.payments",
    "prewatt.domain.fleet",
    "prewatt.domain.tenants",
    "prewatt.domain.backups",
    "prewatt.domain.webhooks",
    "prewatt.domain.reports",
    "prewatt.domain.resale",
    "prewatt.domain.lists",
    "prewatt.web.parts",
    "prewatt.web.console",
    "prewatt.web.tenant",
    "prewatt.web.kiosk",
    "prewatt.web.fieldapi",
    "prewatt.web.api",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "prewatt.web.parts.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "prewatt.web.parts.sign_in.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "prewatt.server.urls"
WSGI_APPLICATION = "prewatt.server.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "prewatt.web.parts.context.frame",
            ],
        },
    }
]

DATABASES = {"default": _database(os.environ.get("PREWATT_DATABASE", f"sqlite:///{DATA_DIR / 'prewatt.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "staff.Operator"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "console:login"
LOGIN_REDIRECT_URL = "console:dashboard"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "prewatt"
AXES_LOCKOUT_CALLABLE = "prewatt.web.console.views.login.locked_out"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE_DIR / "web" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("PREWATT_ZONE", "Asia/Shanghai")

STATIC_URL = "static/"
STATICFILES_DIRS = [PACKAGE_DIR / "web" / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "prewatt.web.console.views.older.answer"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Behind TLS (PREWATT_TLS=1) cookies are secure; the demo runs on loopback without.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("PREWATT_TLS") == "1"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
}
# Where tenants and payment providers reach this site from outside, without a slash at the end.
PUBLIC_URL = os.environ.get("PREWATT_PUBLIC_URL", "").rstrip("/")
API_PER_MINUTE = int(os.environ.get("PREWATT_API_PER_MINUTE", "600"))  # of one token, in each web process
API_WRONG_PER_MINUTE = 20  # wrong tokens of one address
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
