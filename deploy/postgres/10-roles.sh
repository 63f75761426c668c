#!/bin/bash
# Runs once, when the data folder is made: a role that owns the table of runs, and one that only reads it.
set -euo pipefail

password() {
  local file="${SECRETS_FOLDER:-/run/secrets}/$1" # another folder is for tests
  if [ ! -s "$file" ]; then
    echo "$file is missing or empty. Run the set-up first: docker-compose run --rm setup" >&2
    exit 1
  fi
  cat "$file"
}

owner=$(password database_password)
reader=$(password database_reader_password)

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set owner="$owner" --set reader="$reader" <<'SQL'
CREATE ROLE canvas_sync LOGIN PASSWORD :'owner';
CREATE ROLE canvas_sync_reader LOGIN PASSWORD :'reader';
ALTER ROLE canvas_sync_reader SET default_transaction_read_only = on;
ALTER ROLE canvas_sync_reader SET statement_timeout = '30s';
CREATE DATABASE canvas_sync OWNER canvas_sync ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE canvas_sync FROM PUBLIC;
GRANT CONNECT ON DATABASE canvas_sync TO canvas_sync_reader;
\connect canvas_sync
ALTER DEFAULT PRIVILEGES FOR ROLE canvas_sync IN SCHEMA public GRANT SELECT ON TABLES TO canvas_sync_reader;
SQL
