-- Whether reports arrive, and how much disk they use: for the dashboard Health, alerts
-- and psql-sink top.

-- When each known gateway reported last, up to a time: NULL for one of which no report is
-- known any more.
CREATE OR REPLACE FUNCTION vpn_traffic_heard(host text[] DEFAULT NULL, until timestamptz DEFAULT 'infinity')
RETURNS TABLE (gateway text, last timestamptz) LANGUAGE plpgsql STABLE ROWS 10
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC AS $$
DECLARE
    hosts record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
BEGIN
    RETURN QUERY EXECUTE format('SELECT host, max(last) FROM (%s) AS a GROUP BY host ORDER BY host', vpn_traffic_all(format(
        'SELECT host, (SELECT max(time) FROM vpn_traffic_reports AS r WHERE r.host = v.host AND time <= %L) AS last
            FROM (SELECT value AS host FROM vpn_traffic_values WHERE kind = ''host'') AS v WHERE true%s', until, hosts.condition),
        'host text COLLATE "C", last timestamptz'));
END $$;

-- How many reports of each gateway there are in each step, by its begin, that has any: all
-- of them, and those that came in parts, or again. Without a step, the range is one.
CREATE OR REPLACE FUNCTION vpn_traffic_counts(since timestamptz, until timestamptz, step interval DEFAULT NULL, host text[] DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, gateway text, reports bigint, repeated bigint) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC AS $$
DECLARE
    hosts record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
BEGIN
    RETURN QUERY EXECUTE format('SELECT step, host, sum(reports)::bigint, sum(repeated)::bigint FROM (%s) AS a GROUP BY step, host ORDER BY step, host',
        vpn_traffic_all(format('SELECT %s AS step, host, count(*) AS reports, count(*) FILTER (WHERE deliveries > 1) AS repeated
            FROM vpn_traffic_reports WHERE time >= %L AND time < %L%s GROUP BY 1, 2',
            CASE WHEN step IS NULL THEN format('%L::timestamptz', since) ELSE format('date_bin(%L, time, %L)', step, 'epoch'::timestamptz) END,
            since, until, hosts.condition), 'step timestamptz, host text COLLATE "C", reports bigint, repeated bigint'));
END $$;

-- The partitions of all tables, the first day of each, and its bytes on disk, with those of
-- its indexes.
CREATE OR REPLACE FUNCTION vpn_traffic_sizes() RETURNS TABLE (parent text, first date, size numeric) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO AS $$
BEGIN
    RETURN QUERY EXECUTE vpn_traffic_all(
        'SELECT parent, first, pg_total_relation_size(to_regclass(quote_ident(name)))::numeric AS size FROM vpn_traffic_partitions',
        'parent text, first date, size numeric');
END $$;
