#!/bin/sh
# Save what the compose stack cannot make again, or restore it into new volumes: docs/how-to/backup.md.
#   deploy/backup/backup.sh save FOLDER
#   deploy/backup/backup.sh restore FOLDER
# With Docker's plugin instead of docker-compose: COMPOSE='docker compose' deploy/backup/backup.sh ...
set -eu
umask 077 # the files have every secret in them

stop() {
  echo "backup: $1" >&2
  exit 1
}

compose() {
  ${COMPOSE:-docker-compose} "$@"
}

in_setup() { # has the volumes, and may read the files of every service
  compose run --rm --no-deps -T setup "$@"
}

database_answers() { # over TCP: while the image prepares the database, only its socket is open
  compose exec -T postgres pg_isready --quiet --host=127.0.0.1 --dbname=canvas_sync --username=canvas_sync
}

save() {
  mkdir -p "$1"
  [ ! -e "$1/complete" ] || stop "$1 has a backup already. Choose another folder."
  database_answers || stop "PostgreSQL does not answer. Start the stack first."
  compose exec -T postgres pg_dump --username=postgres --format=custom canvas_sync >"$1/database.dump"
  # Logs are written to meanwhile: tar ends with 1 if a file grew, and has it as it was.
  in_setup tar --create --warning=no-file-changed --warning=no-file-removed --directory=/ \
    run/secrets data volumes/alertmanager >"$1/volumes.tar" || [ $? = 1 ] || stop "The volumes cannot be read."
  (cd "$1" && sha256sum database.dump volumes.tar >sums && mv sums complete)
  echo "Saved to $1. Keep it as safe as the stack itself: it contains all passwords."
}

restore() {
  [ -e "$1/complete" ] || stop "$1 has no complete backup."
  (cd "$1" && sha256sum --quiet --check complete) || stop "The backup is damaged. Nothing was changed."
  if database_answers 2>/dev/null; then
    stop "The stack is running. Remove it with its volumes first: docker-compose --profile demo down --volumes"
  fi
  in_setup tar --extract --same-permissions --directory=/ <"$1/volumes.tar"
  compose up --detach postgres # the set-up runs before it and hands the restored passwords out
  for _ in $(seq 120); do
    if database_answers 2>/dev/null; then break; fi
    sleep 1
  done
  database_answers || stop "PostgreSQL does not start: docker-compose logs postgres"
  compose exec -T postgres pg_restore --username=postgres --dbname=canvas_sync \
    --clean --if-exists --single-transaction --exit-on-error <"$1/database.dump"
  echo "Restored. Start the rest: docker-compose up --detach"
}

case "${1-} ${2-}" in
  "save "?*) save "$2" ;;
  "restore "?*) restore "$2" ;;
  *) stop "Say what to do and where: backup.sh save FOLDER, or backup.sh restore FOLDER" ;;
esac
