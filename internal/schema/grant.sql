-- What the roles of deploy/roles.sql may do, where they exist: this and no more,
-- whatever a restore or a hand has given them. The owner runs it with every
-- migration, so it has to name what a migration adds.
--
-- Rights on a partitioned table are all that access through it takes: partitions
-- need none of their own, but readers get them, to look at one day.
DO $$
DECLARE
    role  text;
    thing text;
BEGIN
    LOCK TABLE vpn_traffic_tables IN SHARE ROW EXCLUSIVE MODE; -- nobody makes partitions of what is changed here
    -- What runs with the owner's rights is not for everybody, which functions are
    -- when they are made. All others do what their caller might do without them.
    FOR thing IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.proname LIKE 'vpn\_traffic\_%' AND p.prosecdef AND pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', thing);
    END LOOP;
    FOR role, thing IN SELECT DISTINCT a.grantee::regrole, c.oid::regclass FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND (c.relname LIKE 'vpn\_traffic%' OR c.relname = 'sink_status')
        AND c.relkind IN ('r', 'p', 'v') AND pg_has_role(c.relowner, 'USAGE')
        AND (a.grantee IN (to_regrole('vpn_traffic_writer'), to_regrole('vpn_traffic_annotator'))
            OR a.grantee = to_regrole('vpn_traffic_reader') AND a.privilege_type <> 'SELECT')
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', thing, role);
    END LOOP;
    FOR role, thing IN SELECT DISTINCT a.grantee::regrole, p.oid::regprocedure FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.proname LIKE 'vpn\_traffic\_%' AND pg_has_role(p.proowner, 'USAGE')
        AND a.grantee IN (to_regrole('vpn_traffic_writer'), to_regrole('vpn_traffic_reader'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', thing, role);
    END LOOP;

    IF to_regrole('vpn_traffic_writer') IS NOT NULL THEN
        -- Rows, and rollups per report, are only ever added.
        FOR thing IN SELECT name FROM vpn_traffic_tables WHERE unit IS NULL LOOP
            EXECUTE format('GRANT INSERT ON %I TO vpn_traffic_writer', thing);
        END LOOP;
        FOR thing IN SELECT name FROM vpn_traffic_tables LOOP
            EXECUTE format('GRANT SELECT ON %I TO vpn_traffic_writer', thing);
        END LOOP;
        -- Rows of a minute or an hour are added up. Their keys stay.
        FOR thing IN SELECT name FROM vpn_traffic_tables WHERE retention <> 'raw' AND unit IS NULL LOOP
            EXECUTE format('GRANT UPDATE (src_packets, src_bytes, dst_packets, dst_bytes, connection_count,
                connection_times, open_connections) ON %I TO vpn_traffic_writer', thing);
        END LOOP;
        GRANT SELECT, INSERT, UPDATE (reports, tracked) ON vpn_traffic_minute_reports, vpn_traffic_hour_reports TO vpn_traffic_writer;
        GRANT SELECT, INSERT, UPDATE (deliveries, tracked) ON vpn_traffic_reports TO vpn_traffic_writer;
        GRANT SELECT, INSERT, UPDATE (first_day, last_day) ON vpn_traffic_values TO vpn_traffic_writer;
        -- What is in this log is replaced, never changed.
        GRANT SELECT, INSERT, DELETE ON vpn_traffic_name_history TO vpn_traffic_writer;
        GRANT SELECT, INSERT, UPDATE ON sink_status TO vpn_traffic_writer;
        GRANT SELECT ON vpn_traffic_migrations, vpn_traffic_partitions, vpn_traffic_retention, vpn_traffic_gone, vpn_traffic_summed_up, vpn_traffic_sums_due TO vpn_traffic_writer;
        -- Only so, and with the owner's rights, partitions and sums of days come and what is old goes.
        GRANT EXECUTE ON FUNCTION vpn_traffic_make_partitions(date, boolean), vpn_traffic_index_partition(text),
            vpn_traffic_drop_partition(text), vpn_traffic_tidy(), vpn_traffic_summarize(), vpn_traffic_outdate(timestamptz[]), vpn_traffic_list_sums(), vpn_traffic_sum_up(text, timestamptz)
            TO vpn_traffic_writer;
    END IF;
    IF to_regrole('vpn_traffic_annotator') IS NOT NULL THEN
        GRANT SELECT, INSERT ON vpn_traffic_events TO vpn_traffic_annotator;
    END IF;
    IF to_regrole('vpn_traffic_reader') IS NOT NULL THEN
        FOR thing IN SELECT c.oid::regclass FROM pg_class c
            WHERE c.relnamespace = quote_ident(current_schema())::regnamespace
            AND (c.relname LIKE 'vpn\_traffic%' OR c.relname = 'sink_status') AND c.relkind IN ('r', 'p', 'v', 'm')
            AND pg_has_role(c.relowner, 'USAGE') AND NOT has_table_privilege('vpn_traffic_reader', c.oid, 'SELECT')
        LOOP
            EXECUTE format('GRANT SELECT ON %s TO vpn_traffic_reader', thing);
        END LOOP;
    END IF;
END $$;
