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
    -- psql-sink: adds rows, makes partitions and drops old ones through functions.
    IF to_regrole('vpn_traffic_writer') IS NULL THEN
        CREATE ROLE vpn_traffic_writer LOGIN;
    END IF;
    -- Grafana: reads.
    IF to_regrole('vpn_traffic_reader') IS NULL THEN
        CREATE ROLE vpn_traffic_reader LOGIN;
    END IF;
    -- Adds events for the dashboards' charts. Grant it to those who may.
    IF to_regrole('vpn_traffic_annotator') IS NULL THEN
        CREATE ROLE vpn_traffic_annotator NOLOGIN;
    END IF;
END $$;

-- No passwords here: let pg_hba.conf ask for a certificate or, on the same
-- machine, for the user ("peer"), or set them with psql's \password.

GRANT CONNECT ON DATABASE :"DBNAME" TO vpn_traffic_owner, vpn_traffic_writer, vpn_traffic_reader, vpn_traffic_annotator;
REVOKE CREATE ON SCHEMA :"schema" FROM PUBLIC; -- the default since PostgreSQL 15
GRANT USAGE, CREATE ON SCHEMA :"schema" TO vpn_traffic_owner;
GRANT USAGE ON SCHEMA :"schema" TO vpn_traffic_writer, vpn_traffic_reader, vpn_traffic_annotator;

-- What is there already, such as from a restore without owners, is the owner's:
-- functions that run with the rights of a superuser would be for nobody.
SELECT set_config('roles.schema', :'schema', true) \g /dev/null
DO $$
DECLARE
    thing text;
BEGIN
    IF to_regclass(format('%I.vpn_traffic_migrations', current_setting('roles.schema'))) IS NULL THEN
        RETURN; -- what is called vpn_traffic, if anything, is of somebody else
    END IF;
    FOR thing IN
        SELECT CASE relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || oid::regclass FROM pg_class
        WHERE relnamespace = quote_ident(current_setting('roles.schema'))::regnamespace AND relkind IN ('r', 'p', 'v')
        AND (relname LIKE 'vpn\_traffic%' OR relname = 'sink_status') AND relowner <> 'vpn_traffic_owner'::regrole
        UNION ALL SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace = quote_ident(current_setting('roles.schema'))::regnamespace AND proname LIKE 'vpn\_traffic\_%' AND proowner <> 'vpn_traffic_owner'::regrole
    LOOP
        EXECUTE format('ALTER %s OWNER TO vpn_traffic_owner', thing);
    END LOOP;
END $$;

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
-- A reader that forgets its transaction holds up the clean-up of tables, and one
-- that asks for too much the disk and the processor. It can raise the first two for
-- itself; connections and, with it, memory have an end.
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET statement_timeout = '5min';
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET temp_file_limit = '4GB'; -- only superusers can raise it
ALTER ROLE vpn_traffic_reader IN DATABASE :"DBNAME" SET default_transaction_read_only = on;
ALTER ROLE vpn_traffic_reader CONNECTION LIMIT 50;
-- Everybody may make temporary tables, which no limit holds, unless told otherwise.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;

COMMIT;
