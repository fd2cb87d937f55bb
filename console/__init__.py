"""The staff console and the JSON API: one aiohttp application over Postgres, whatever Temporal does meanwhile."""
