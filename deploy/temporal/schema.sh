#!/bin/sh
# Temporal's schema in its two databases, which exist already. Safe to repeat: it is also the schema's upgrade.
set -eu
for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    schema=${pair##*:}
    temporal-sql-tool --db "$database" setup-schema -v 0.0 || echo "$database has its schema already"
    temporal-sql-tool --db "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
