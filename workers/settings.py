"""postroom's settings: `POSTROOM_*` environment variables. Temporal's connection has its own (`TEMPORAL_*`)."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConfigurationError(Exception):
    """The installation is set up wrongly; the text is one sentence that says what to do."""


class Settings(BaseSettings):
    """One object for every process; each uses what it needs."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql://… of a login that may act as the role postroom_app")
    objects_url: str = Field(description="file:///… or an S3, GCS or Azure URL")
    master_keys: SecretStr = Field(description="ID:BASE64[,ID:BASE64…], 32 bytes each; the first seals")
    public_url: str = Field(default="http://127.0.0.1:8400", description="where people reach the console")
    temporal_ui_url: str = Field(default="", description="where people reach the Temporal UI")

    host: str = Field(default="127.0.0.1", description="address to listen on")
    web_port: int = 8400
    webhooks_port: int = 8401
    smtp_port: int = 8402
    health_port: int = Field(default=0, description="health and metrics of worker and listener; 0 for none")

    max_message_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    parser_processes: int = Field(default=2, ge=1)
    database_connections: int = Field(default=20, ge=2)
    listener_shards: int = Field(default=4, ge=1, description="the same in every process of an installation")
    reconcile_seconds: int = Field(default=60, ge=1, description="how often a mailbox looks without a notification")
    allow_private_hosts: bool = Field(default=False, description="mail servers may have private addresses")
    log_format: str = Field(default="json", pattern="^(json|text)$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


def load() -> Settings:
    """Raises ConfigurationError naming every variable that is missing or wrong, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"POSTROOM_{'.'.join(map(str, e['loc'])).upper()} ({_fault(e)})" for e in error.errors()]
        raise ConfigurationError(f"Set these environment variables: {', '.join(faults)}.") from None


def _fault(error: object) -> str:
    kind = error["type"] if isinstance(error, dict) else ""
    return "is missing" if kind == "missing" else "is not valid"
