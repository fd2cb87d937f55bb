"""What a rule does to new mail, and what the evaluation of a rule set came to."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Priority = Literal["low", "normal", "high", "urgent"]
Tag = Annotated[str, Field(min_length=1, max_length=50)]


class ClientFrom(BaseModel):
    """Takes the client's name out of the mail: group 1 of a regular expression (RE2) over subject or body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: Literal["subject", "body"]
    pattern: str = Field(max_length=512)


class RuleActions(BaseModel):
    """What happens to new mail that a rule matches. `skip` excludes it; `quarantine` and `ask` wait for a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skip: bool = False
    quarantine: bool = False
    ask: bool = False
    destination: UUID | None = None
    client: UUID | None = None
    client_from: ClientFrom | None = None
    priority: Priority | None = None
    assignee: UUID | None = None
    tags: tuple[Tag, ...] = Field(default=(), max_length=20)


class RuleOutcome(BaseModel):
    """The rule that matched, or (`rule_id` None) what the set does when none does; `client_name` is from the mail."""

    model_config = ConfigDict(extra="ignore")

    rule_id: str | None
    name: str
    actions: RuleActions
    client_id: UUID | None = None
    client_name: str = ""
