-- What people and dashboards read as tables, of all shards: views of functions that run
-- with the owner's rights.
DO $do$
DECLARE
    t      record;
    source text; -- the function
    names  text;
    sorted text; -- texts in their order in shards, whatever this database has
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('vpn_traffic_values', 'kind text, value text, first_day date, last_day date',
            'SELECT kind, value, min(first_day) AS first_day, max(last_day) AS last_day FROM (%s) AS v GROUP BY kind, value'),
        ('vpn_traffic_name_history', 'kind text, address text, host text, since timestamptz, name text', '%s'),
        ('vpn_traffic_gone', 'retention text, first date, next date', 'SELECT DISTINCT * FROM (%s) AS g'),
        ('vpn_traffic_events', 'id bigint, "time" timestamptz, until timestamptz, title text, text text, tags text[], host text', '%s'),
        -- A shard that does not answer is like a sink that has been silent for ever.
        ('sink_status', 'sink text, started timestamptz, updated timestamptz, rows bigint, duplicates bigint, expired bigint, rejected bigint, '
            'reports bigint, spool_files bigint, spool_bytes bigint, spool_oldest timestamptz, last_commit timestamptz, seconds_per_report double precision',
            $q$%s UNION ALL SELECT format('shard %%s: %%s', shard, reason), 'epoch', 'epoch', 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL FROM vpn_traffic_silent()$q$)
        ) AS v (name, columns, query)
    LOOP
        source := 'vpn_traffic_rows_of_' || replace(t.name, 'vpn_traffic_', '');
        SELECT string_agg(split_part(c, ' ', 1), ', ' ORDER BY n),
            string_agg(format(CASE WHEN c LIKE '% text' THEN '%1$s COLLATE "C" AS %1$s' ELSE '%1$s' END, split_part(c, ' ', 1)), ', ' ORDER BY n)
        INTO names, sorted FROM unnest(string_to_array(t.columns, ', ')) WITH ORDINALITY AS u (c, n);
        EXECUTE format('DROP VIEW IF EXISTS %I', t.name);
        EXECUTE format('DROP FUNCTION IF EXISTS %I()', source);
        EXECUTE format('CREATE FUNCTION %I() RETURNS TABLE (%s) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS %L', source, t.columns,
            vpn_traffic_all(format('SELECT %s FROM %I', names, t.name), t.columns));
        EXECUTE format('CREATE VIEW %I AS %s', t.name, format(t.query, format('SELECT %s FROM %I()', sorted, source)));
    END LOOP;
END $do$;
