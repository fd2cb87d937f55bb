"""postroom's settings: `POSTROOM_*` environment variables. Temporal's connection has its own (`TEMPORAL_*`)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.scanner import Scanner, address
from domain.endpoints import Endpoints

_DEFAULT = Endpoints()


class ConfigurationError(Exception):
    """The installation is set up wrongly; the text is one sentence that says what to do."""


class Settings(BaseSettings):
    """One object for every process; each uses what it needs."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql://… of a login that may act as the role postroom_app")
    objects_url: str = Field(description="file:///… or an S3, GCS or Azure URL")
    master_keys: SecretStr = Field(description="ID:BASE64[,ID:BASE64…], 32 bytes each; the first seals")
    encrypt_payloads: bool = Field(default=False, description="encrypt what enters Temporal; the same in every process")
    public_url: str = Field(default="http://127.0.0.1:8400", description="where people reach the console")
    temporal_ui_url: str = Field(default="", description="where people reach the Temporal UI")

    webhooks_url: str = Field(default="", description="where Google and Microsoft reach the webhooks; empty: poll only")
    google_api_url: str = _DEFAULT.google_api
    google_oauth_url: str = _DEFAULT.google_oauth
    google_consent_url: str = _DEFAULT.google_consent
    google_jwks_url: str = _DEFAULT.google_jwks
    google_pubsub_url: str = _DEFAULT.google_pubsub
    graph_url: str = Field(default=_DEFAULT.graph, description="a national cloud has its own, and its own login")
    microsoft_login_url: str = _DEFAULT.microsoft_login

    oidc_issuer: str = Field(default="", description="OpenID Connect: the provider's issuer URL; empty: off")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="empty for a public client")
    oidc_label: str = Field(default="single sign-on", description="what people call the provider")
    trusted_proxies: str = Field(default="", description="addresses and networks whose X-Forwarded-For counts")

    host: str = Field(default="127.0.0.1", description="address to listen on")
    web_port: int = 8400
    webhooks_port: int = 8401
    smtp_port: int = 8402
    health_port: int = Field(default=0, description="health and metrics of worker and listener; 0 for none")

    max_message_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    parser_processes: int = Field(default=2, ge=1)
    database_connections: int = Field(default=20, ge=2)
    clamd: str = Field(default="", description="tcp://HOST:PORT or unix:///PATH of ClamAV's daemon; empty: no scanning")
    clamd_max_bytes: int = Field(default=25_000_000, gt=0, description="at most clamd's StreamMaxLength")
    listener_shards: int = Field(default=4, ge=1, description="the same in every process of an installation")
    reconcile_seconds: int = Field(default=60, ge=1, description="how often a mailbox looks without a notification")
    allow_private_hosts: bool = Field(default=False, description="mail servers may have private addresses")
    log_format: str = Field(default="json", pattern="^(json|text)$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, listed: str) -> str:
        _networks(listed)
        return listed

    @field_validator("clamd")
    @classmethod
    def _is_a_scanner(cls, url: str) -> str:
        if url:
            try:
                address(url)
            except ValueError:
                raise PydanticCustomError("no_address", "must be tcp://HOST:PORT or unix:///PATH") from None
        return url

    @property
    def scanner(self) -> Scanner | None:
        return Scanner(self.clamd, self.clamd_max_bytes) if self.clamd else None

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of our own proxies."""
        return _networks(self.trusted_proxies)

    @property
    def endpoints(self) -> Endpoints:
        """Where the providers' services are."""
        return Endpoints(
            google_api=self.google_api_url.rstrip("/"),
            google_oauth=self.google_oauth_url.rstrip("/"),
            google_consent=self.google_consent_url,
            google_jwks=self.google_jwks_url,
            google_pubsub=self.google_pubsub_url.rstrip("/"),
            graph=self.graph_url.rstrip("/"),
            microsoft_login=self.microsoft_login_url.rstrip("/"),
            webhooks_url=self.webhooks_url.rstrip("/"),
        )


def _networks(listed: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in listed.split(",") if part.strip())


def load() -> Settings:
    """Raises ConfigurationError naming every variable that is missing or wrong, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"POSTROOM_{'.'.join(map(str, e['loc'])).upper()} ({_fault(e)})" for e in error.errors()]
        raise ConfigurationError(f"Set these environment variables: {', '.join(faults)}.") from None


def _fault(error: ErrorDetails) -> str:
    if error["type"] == "no_address":
        return error["msg"]
    return "is missing" if error["type"] == "missing" else "is not valid"
