#!/bin/sh
# /etc/patroni/create-database.sh, mode 0755: creates Usher's role and database in a new cluster. Patroni calls it
# once, with the URL of the new primary.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$USHER_DATABASE_PASSWORD" --dbname "$1" <<'SQL'
CREATE ROLE usher LOGIN PASSWORD :'password';
CREATE DATABASE usher OWNER usher;
SQL
