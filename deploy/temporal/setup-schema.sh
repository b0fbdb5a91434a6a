#!/bin/sh
# Makes both databases of Temporal and brings their schema to the version of this admin-tools image. Does nothing when
# they are there and current, so that it runs before every start; an upgrade is a new image tag and this script.
set -eu

: "${POSTGRES_PASSWORD_FILE:?names the file with the password}"
SQL_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export SQL_PASSWORD
export SQL_PLUGIN=postgres12 SQL_HOST="${POSTGRES_HOST:-postgres}" SQL_PORT=5432 SQL_USER=temporal

# $1: the database, $2: its folder of the schema.
set_up() {
  temporal-sql-tool --db "$1" create
  temporal-sql-tool --db "$1" setup-schema -v 0.0
  temporal-sql-tool --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
