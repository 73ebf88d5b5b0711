-- What differs from a shard in the functions that answer questions. The head decides what
-- to read, by what all shards have, and each shard reads that: so sums are those of one
-- database with all rows, as long as no gateway has reported to two of them.

CREATE OR REPLACE FUNCTION vpn_traffic_all(query text, columns text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT * FROM vpn_traffic_ask(%L, %L) AS a (%s)', query, columns, columns)
$$;

-- The sums, as columns of an answer.
CREATE OR REPLACE FUNCTION vpn_traffic_summed() RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'src_packets numeric, src_bytes numeric, dst_packets numeric, dst_bytes numeric, connection_count numeric, connection_times numeric, open_connections numeric'
$$;

CREATE OR REPLACE FUNCTION vpn_traffic_added(sums text, columns text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT %s, %s FROM (%s) AS shards GROUP BY %s HAVING count(*) > 0', coalesce(names, 'NULL'), vpn_traffic_sums('all', 'sum(%1$s)'),
        vpn_traffic_all(sums, coalesce(typed, 'nothing text') || ', ' || vpn_traffic_summed()), coalesce(names, '()'))
    FROM (SELECT string_agg(c, ', ' ORDER BY n) AS names, string_agg(c || CASE c WHEN 'port' THEN ' integer' ELSE ' text COLLATE "C"' END, ', ' ORDER BY n) AS typed
        FROM unnest(columns) WITH ORDINALITY AS u (c, n)) AS c
$$;

-- A pair may be in two shards.
CREATE OR REPLACE FUNCTION vpn_traffic_counterparts(by text, rows text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT %I AS line, count(*) AS peers, sum(src_bytes + dst_bytes) AS bytes FROM (%s) AS pairs GROUP BY 1', by,
        vpn_traffic_added(format('SELECT src, dst, %s FROM (%s) AS rows GROUP BY src, dst', vpn_traffic_sums('bytes', 'sum(%1$s)'), rows), '{src, dst}'))
$$;

-- Where only the top names get lines of their own, shards are first asked for the sums of
-- all names, and then for the steps of the greatest: those of all would be too much.
CREATE OR REPLACE FUNCTION vpn_traffic_ranked(reports text, sums text, named text, steps text, measure text, top integer)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    rows   text := format('WITH reports AS (%s), sums AS (%s), named AS (%s) ', reports, sums, named);
    rank   text := vpn_traffic_rank(measure, 'sum(%s)');
    line   text := 'name';
    names  text[]; -- the greatest
    others boolean;
    ranked text := format('SELECT name, row_number() OVER (ORDER BY %s DESC NULLS LAST, name) AS place, name AS line FROM named GROUP BY name', rank);
BEGIN
    IF top IS NOT NULL THEN
        EXECUTE format('SELECT coalesce(array_agg(name ORDER BY place) FILTER (WHERE place <= %L), ''{}''), count(*) > %1$L
            FROM (SELECT name, row_number() OVER (ORDER BY sum(amount) DESC NULLS LAST, name) AS place FROM (%s) AS a GROUP BY name) AS n',
            top, vpn_traffic_all(rows || format('SELECT name, %s FROM named GROUP BY name', rank), 'name text COLLATE "C", amount numeric')) INTO names, others;
        line := format('CASE WHEN name = ANY (%L::text[]) THEN name ELSE ''all others'' END', names);
        ranked := format('SELECT name, place, name AS line FROM unnest(%L::text[]) WITH ORDINALITY AS n (name, place)
            UNION ALL SELECT ''all others'', %L::bigint, ''all others'' WHERE %L', names, top + 1, others);
    END IF;
    RETURN format('answers AS MATERIALIZED (%s), named AS (SELECT step, name, %s FROM answers WHERE name IS NOT NULL GROUP BY step, name),
            steps AS MATERIALIZED (SELECT step, bool_or(tracked) AS tracked FROM answers WHERE name IS NULL GROUP BY step), ranked AS (%s)',
        vpn_traffic_all(rows || format('SELECT step, %s, NULL::boolean, %s FROM named GROUP BY 1, 2 UNION ALL SELECT step, NULL, tracked::boolean%s FROM (%s) AS s',
            line, vpn_traffic_sums(measure, 'sum(%1$s)'), repeat(', NULL', 7), steps), 'step timestamptz, name text COLLATE "C", tracked boolean, ' || vpn_traffic_summed()),
        vpn_traffic_sums(measure, 'sum(%1$s)'), ranked);
END $$;

-- The spaces between the reports of all gateways, each as often as it was seen.
CREATE OR REPLACE FUNCTION vpn_traffic_interval(until timestamptz) RETURNS integer LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path FROM CURRENT SET datestyle = ISO SET timezone = UTC AS $$
DECLARE
    seconds integer;
BEGIN
    EXECUTE format('SELECT nullif(round(seconds)::integer, 0) FROM (SELECT seconds, sum(sum(often)) OVER (ORDER BY seconds) * 2 >= sum(sum(often)) OVER () AS half
        FROM (%s) AS gaps GROUP BY seconds) AS g WHERE half ORDER BY seconds LIMIT 1',
        vpn_traffic_all(format('SELECT extract(epoch FROM gap), count(*) FROM (SELECT time - lag(time) OVER (PARTITION BY host ORDER BY time) AS gap
            FROM vpn_traffic_reports WHERE time > %L AND time <= %L) AS gaps WHERE gap IS NOT NULL GROUP BY 1', until - interval '1 hour', until),
            'seconds numeric, often numeric')) INTO seconds;
    RETURN seconds;
END $$;

-- What a query that gives jsonb says, which is asked once by a statement: some is needed
-- many times.
CREATE OR REPLACE FUNCTION vpn_traffic_once(name text, query text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    moment constant text := extract(epoch FROM statement_timestamp())::text;
    said   text;
BEGIN
    IF current_setting('vpn_traffic.' || name || '_at', true) IS DISTINCT FROM moment THEN
        EXECUTE query INTO said;
        PERFORM set_config('vpn_traffic.' || name, said, false);
        PERFORM set_config('vpn_traffic.' || name || '_at', moment, false);
    END IF;
    RETURN current_setting('vpn_traffic.' || name)::jsonb;
END $$;

CREATE OR REPLACE FUNCTION vpn_traffic_there(level text, since timestamptz, until timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM jsonb_to_recordset(vpn_traffic_once('gone', $q$SELECT coalesce(jsonb_agg(g), '[]') FROM vpn_traffic_gone AS g$q$))
            AS g (retention text, first date, next date)
        WHERE retention = replace(level, 'report', 'raw') AND first::timestamp AT TIME ZONE 'UTC' < until AND next::timestamp AT TIME ZONE 'UTC' > since);
END $$;

-- What is summed up is what all shards that answer have summed up.
CREATE OR REPLACE FUNCTION vpn_traffic_holding(of_unit text, since timestamptz, until timestamptz) RETURNS tstzmultirange LANGUAGE plpgsql STABLE AS $$
DECLARE
    held constant text := format($q$WITH a AS MATERIALIZED (%s)
        SELECT coalesce(jsonb_agg(h), '[]') FROM (SELECT * FROM a WHERE unit <> 'shard' GROUP BY 1, 2, 3 HAVING count(*) = (SELECT count(*) FROM a WHERE unit = 'shard')) AS h$q$,
        vpn_traffic_all($q$SELECT unit, first, next FROM vpn_traffic_summed_up WHERE valid UNION ALL SELECT 'shard', 'epoch', 'epoch'$q$,
            'unit text, first timestamptz, next timestamptz'));
BEGIN
    RETURN (SELECT range_agg(tstzrange(h.first, h.next)) FROM jsonb_to_recordset(vpn_traffic_once('held', held)) AS h (unit text, first timestamptz, next timestamptz)
        WHERE h.unit = of_unit AND h.first >= since AND h.next <= until);
END $$;

-- Of the shards, each gives the last name of each address.
CREATE OR REPLACE FUNCTION vpn_traffic_names_at(kind text, condition text, until timestamptz, hosts text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format($q$(SELECT DISTINCT ON (l.address) l.address, nullif(l.name, l.address) || ' (' || l.address || ')' AS label FROM (%s) AS l
        WHERE l.address %s ORDER BY l.address, l.since DESC, l.host)$q$, vpn_traffic_all(format('SELECT DISTINCT ON (address) address, since, host, name
            FROM vpn_traffic_name_history WHERE kind = %L AND since < %L%s ORDER BY address, since DESC, host', kind, until, hosts),
            'address text COLLATE "C", since timestamptz, host text COLLATE "C", name text'), condition)
$$;

-- They are looked up in one object: to ask for each line would take too long.
CREATE OR REPLACE FUNCTION vpn_traffic_label(kind text, address text, until timestamptz, hosts text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('coalesce((SELECT jsonb_object_agg(address, label) FROM %s AS n) ->> %s, %2$s)', vpn_traffic_names_at(kind, 'IS NOT NULL', until, hosts), address)
$$;
