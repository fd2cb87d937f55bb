"""`postroom migrate`: the database schema of this release."""

from __future__ import annotations

from storage import migrate
from workers.process import database_faults
from workers.settings import Settings


async def run(settings: Settings) -> None:
    with database_faults():
        applied = await migrate.migrate(settings.database_url.get_secret_value())
    for migration in applied:
        print(f"applied {migration.version:04} {migration.name}")
    print("the schema is up to date")
