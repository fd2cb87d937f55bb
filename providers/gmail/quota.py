"""Gmail's quota per user: units a minute by method, and requests at once.

developers.google.com/workspace/gmail/api/reference/quota. Beyond the units there is a wall of concurrent requests per
user, shared with the user's own clients, that answers 429 even inside the quota.
"""

from __future__ import annotations

CONCURRENT = 4

# What `messages.get` costs depends on the project's age: `GmailSettings.units_per_message`.
COST = {"getProfile": 1, "history.list": 2, "labels.list": 1, "messages.list": 5, "watch": 100, "stop": 50,
        "messages.send": 100}  # fmt: skip
