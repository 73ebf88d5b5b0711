-- What the roles of deploy/roles.sql may do, where they exist. The owner runs
-- this after every migration, so it has to name what a migration adds.
--
-- Rights on a partitioned table are all that access through it takes: partitions
-- need none of their own, but readers get them, to look at one day.
DO $$
DECLARE
    t text;
BEGIN
    IF to_regrole('vpn_traffic_writer') IS NOT NULL THEN
        -- Rows, and rollups per report, are only ever added.
        GRANT SELECT, INSERT ON vpn_traffic, vpn_traffic_by_src, vpn_traffic_by_dst, vpn_traffic_by_port
            TO vpn_traffic_writer;
        -- Rows of a minute or an hour are added up.
        GRANT SELECT, INSERT, UPDATE ON
            vpn_traffic_minute_by_src, vpn_traffic_minute_by_dst, vpn_traffic_minute_by_port,
            vpn_traffic_hour_by_src, vpn_traffic_hour_by_dst, vpn_traffic_hour_by_port, vpn_traffic_hour_by_pair
            TO vpn_traffic_writer;
        -- These have no partitions: retention deletes from them.
        GRANT SELECT, INSERT, UPDATE, DELETE ON
            vpn_traffic_reports, vpn_traffic_minute_reports, vpn_traffic_hour_reports, vpn_traffic_names
            TO vpn_traffic_writer;
        -- What is in this log is replaced, never changed.
        GRANT SELECT, INSERT, DELETE ON vpn_traffic_network_names TO vpn_traffic_writer;
        GRANT SELECT, INSERT, UPDATE ON sink_status TO vpn_traffic_writer;
        GRANT SELECT ON vpn_traffic_migrations, vpn_traffic_partitions TO vpn_traffic_writer;
        -- Only so, and with the owner's rights, partitions come and go.
        GRANT EXECUTE ON FUNCTION vpn_traffic_make_partitions(date, boolean), vpn_traffic_index_partition(text),
            vpn_traffic_drop_partition(text), vpn_traffic_summarize()
            TO vpn_traffic_writer;
    END IF;
    IF to_regrole('vpn_traffic_reader') IS NOT NULL THEN
        FOR t IN SELECT c.oid::regclass FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace
            AND (c.relname LIKE 'vpn\_traffic%' OR c.relname = 'sink_status') AND c.relkind IN ('r', 'p', 'v', 'm')
            AND pg_has_role(c.relowner, 'USAGE')
        LOOP
            EXECUTE format('GRANT SELECT ON %s TO vpn_traffic_reader', t);
        END LOOP;
    END IF;
END $$;
