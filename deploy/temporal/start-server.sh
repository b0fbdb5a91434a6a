#!/bin/sh
# The Temporal server takes its password from the environment only. It gets there here, from the secret file, and so
# stands neither in docker-compose.yml nor in `docker inspect`.
set -eu

: "${POSTGRES_PASSWORD_FILE:?names the file with the password}"
POSTGRES_PWD=$(cat "$POSTGRES_PASSWORD_FILE")
export POSTGRES_PWD

exec /etc/temporal/entrypoint.sh
