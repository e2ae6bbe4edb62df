-- Creates Usher's role and database in a new cluster. The image of PostgreSQL runs this once, as the superuser.
-- Usher's role owns its database and has no other right.
\set password `cat /run/secrets/usher_password`
CREATE ROLE usher LOGIN PASSWORD :'password';
CREATE DATABASE usher OWNER usher;
