#!/bin/sh
# The databases and logins of one Postgres that serves postroom and Temporal. Runs once, on an empty data directory.
#   postroom_owner  owns the schema; only `postroom migrate` uses it
#   postroom_backup reads every row, whichever tenant's, and writes none
#   postroom        what every process logs in as; it may act as postroom_app and no more
#   temporal        Temporal's own two databases
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 -U postgres -d postgres \
    -v owner_password="$POSTROOM_OWNER_PASSWORD" -v app_password="$POSTROOM_DB_PASSWORD" \
    -v backup_password="$POSTROOM_BACKUP_PASSWORD" -v temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role postroom_app nologin nosuperuser nobypassrls;
create role postroom_directory nologin nosuperuser nobypassrls;
create role postroom_search nologin nosuperuser nobypassrls;
create role postroom_owner login password :'owner_password';
grant postroom_app, postroom_directory, postroom_search to postroom_owner;
create role postroom login password :'app_password' connection limit 250;
grant postroom_app to postroom;
create role postroom_backup login bypassrls password :'backup_password';
grant pg_read_all_data to postroom_backup;
create database postroom owner postroom_owner;
create role temporal login password :'temporal_password';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect on database postroom, temporal, temporal_visibility from public;
grant connect on database postroom to postroom_owner, postroom, postroom_backup;
grant connect on database temporal, temporal_visibility to temporal;
SQL
psql --no-psqlrc -v ON_ERROR_STOP=1 -U postgres -d postroom <<'SQL'
alter schema public owner to postroom_owner;
SQL
