-- Roles with no more rights than each needs. Run once per database, by a
-- superuser; running it again changes nothing:
--
--     runuser -u postgres -- psql -d vpn -f roles.sql
--
-- Then make the tables, and again after each upgrade of psql-sink. Nobody logs
-- in as the owner; the superuser steps into its place:
--
--     runuser -u postgres -- psql-sink migrate -dsn 'host=/var/run/postgresql dbname=vpn role=vpn_traffic_owner'
--
-- The tables are in the schema public; for another, which must exist, add
-- "-v schema=NAME" to the first command and " search_path=NAME" to the dsn of the second.
\set ON_ERROR_STOP on
\if :{?schema}
\else
    \set schema public
\endif

BEGIN;

DO $$
BEGIN
    -- Owns the tables. Nobody logs in as it.
    IF to_regrole('vpn_traffic_owner') IS NULL THEN
        CREATE ROLE vpn_traffic_owner NOLOGIN;
    END IF;
    -- psql-sink: adds rows, makes and drops partitions through two functions.
    IF to_regrole('vpn_traffic_writer') IS NULL THEN
        CREATE ROLE vpn_traffic_writer LOGIN;
    END IF;
    -- Grafana: reads.
    IF to_regrole('vpn_traffic_reader') IS NULL THEN
        CREATE ROLE vpn_traffic_reader LOGIN;
    END IF;
END $$;

-- No passwords here: let pg_hba.conf ask for a certificate or, on the same
-- machine, for the user ("peer"), or set them with psql's \password.

GRANT CONNECT ON DATABASE :"DBNAME" TO vpn_traffic_owner, vpn_traffic_writer, vpn_traffic_reader;
REVOKE CREATE ON SCHEMA :"schema" FROM PUBLIC; -- the default since PostgreSQL 15
GRANT USAGE, CREATE ON SCHEMA :"schema" TO vpn_traffic_owner;
GRANT USAGE ON SCHEMA :"schema" TO vpn_traffic_writer, vpn_traffic_reader;

-- What the owner will make, partitions of new days among it, is readable. What
-- the writer may do is granted table by table, by "psql-sink migrate".
ALTER DEFAULT PRIVILEGES FOR ROLE vpn_traffic_owner IN SCHEMA :"schema"
    GRANT SELECT ON TABLES TO vpn_traffic_reader;

ALTER ROLE vpn_traffic_writer IN DATABASE :"DBNAME" SET search_path = :"schema";
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET search_path = :"schema";

-- A panel's query is short: compiling it would take longer than running it. And
-- its sums and sorts should not go to disk.
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET jit = off;
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET work_mem = '32MB';
-- A reader that forgets its transaction holds up the clean-up of tables.
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET default_transaction_read_only = on;

COMMIT;
