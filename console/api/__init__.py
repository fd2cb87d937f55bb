"""The JSON API, `/api/v1` (DESIGN §9)."""
