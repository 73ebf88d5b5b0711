-- What is unusual: for the dashboard Now, and for alerts.
--
--   vpn_traffic_rates  (since, until, recent, by, src, dst, proto, port, host, top, measure, rising)
--   vpn_traffic_peers  (since, until,         by, src, dst, proto, port, host, top)
--   vpn_traffic_outages(since, until, host)

-- How much each name, as by says, sends and receives in the last part of a range,
-- per second, beside what it did before in the range. The greatest come first, or
-- those that have risen most; there is none without traffic in that part. measure is
-- bytes, packets or connections; times is how many times as much as before it is, NULL
-- for what was not there before, and share its part of all. The part ends with the last
-- report, which may be some seconds old.
CREATE OR REPLACE FUNCTION vpn_traffic_rates(since timestamptz, until timestamptz, recent interval, by text DEFAULT 'src',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL,
    top integer DEFAULT NULL, measure text DEFAULT 'bytes', rising boolean DEFAULT false)
RETURNS TABLE (name text, rate numeric, before numeric, times numeric, share numeric, key text) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
DECLARE
    columns text[] := vpn_traffic_columns(by);
    wanted  record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts   record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
    rows    text := format('SELECT %s AS name, %s AS amount FROM (', vpn_traffic_name(by), vpn_traffic_rank(measure, '%s'));
    finish  timestamptz;
    newest  timestamptz; -- that whole hours have
BEGIN
    EXECUTE format('SELECT max(last), max(newest) FROM (%s) AS a', vpn_traffic_all(format(
        'SELECT max(time) FILTER (WHERE time < %L) AS last, max(time) AS newest FROM vpn_traffic_reports WHERE time >= %L AND time < %L%s',
        until, until - recent, vpn_traffic_ceil('hour', until), hosts.condition), 'last timestamptz, newest timestamptz')) INTO finish, newest;
    finish := coalesce(finish + interval '1 microsecond', until);
    RETURN QUERY EXECUTE 'WITH lately AS (' || rows || vpn_traffic_range(finish - recent, finish, columns, wanted.columns, wanted.condition, hosts.condition, measure) || ') AS r),
        earlier AS (' || rows || vpn_traffic_range(since, finish - recent, columns, wanted.columns, wanted.condition, hosts.condition, measure) || ') AS r),
        rates AS (SELECT name, lately.amount / nullif($1, 0) AS rate, nullif(earlier.amount, 0) / nullif($2, 0) AS before FROM lately LEFT JOIN earlier USING (name)),
        greatest AS MATERIALIZED (SELECT name AS line, rate, before, rate / nullif(sum(rate) OVER (), 0) AS share FROM rates
            ORDER BY ' || CASE WHEN rising THEN 'rate - coalesce(before, 0)' ELSE 'rate' END || ' DESC, name LIMIT $3)
        SELECT ' || vpn_traffic_labels(by, 'line', until, hosts.condition) || ', rate, before, rate / before, share, line FROM greatest'
        USING vpn_traffic_seconds(finish - recent, finish, newest, columns, wanted.columns),
            vpn_traffic_seconds(since, finish - recent, newest, columns, wanted.columns), vpn_traffic_top(top);
END $$;

-- How many others each source (by = 'src') opened connections to, or each
-- destination was reached by, the most first: who scans, and who is scanned. Over
-- more than a quarter of an hour, the hours are whole ones.
CREATE OR REPLACE FUNCTION vpn_traffic_peers(since timestamptz, until timestamptz, by text DEFAULT 'src',
    src text[] DEFAULT NULL, dst text[] DEFAULT NULL, proto text[] DEFAULT NULL, port text[] DEFAULT NULL, host text[] DEFAULT NULL, top integer DEFAULT NULL)
RETURNS TABLE (name text, peers bigint, bytes numeric, key text) LANGUAGE plpgsql STABLE ROWS 100
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC SET work_mem = '32MB' AS $$
DECLARE
    wanted record := vpn_traffic_filter(src, dst, proto, port, host);
    hosts  record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
    rows   text := vpn_traffic_range_rows(vpn_traffic_kind(since, until, '{src, dst}', wanted.columns), since, until,
        wanted.columns || '{src, dst}', 'src, dst, src_bytes, dst_bytes', wanted.condition);
BEGIN
    IF by IS NULL OR by NOT IN ('src', 'dst') THEN
        RAISE EXCEPTION 'by is %, which is neither src nor dst', quote_nullable(by) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY EXECUTE format('WITH most AS MATERIALIZED (SELECT line, peers, bytes FROM (%s) AS pairs ORDER BY peers DESC, line LIMIT %L)
        SELECT %s, peers, bytes, line FROM most ORDER BY peers DESC, line',
        vpn_traffic_counterparts(by, rows), vpn_traffic_top(top),
        vpn_traffic_labels(by, 'line', until, hosts.condition));
END $$;

-- When each gateway sent no reports, up to the end of the range. Long ranges are
-- looked through by minutes or hours, and shorter outages are not found there.
CREATE OR REPLACE FUNCTION vpn_traffic_outages(since timestamptz, until timestamptz, host text[] DEFAULT NULL)
RETURNS TABLE (began timestamptz, ended timestamptz, gateway text) LANGUAGE plpgsql STABLE ROWS 10
SET search_path FROM CURRENT SET jit = off SET datestyle = ISO SET timezone = UTC AS $$
DECLARE
    hosts   record := vpn_traffic_filter(NULL, NULL, NULL, NULL, host);
    reports text := CASE WHEN until - since <= interval '1 day' THEN 'vpn_traffic_reports'
        WHEN until - since <= interval '31 days' THEN 'vpn_traffic_minute_reports' ELSE 'vpn_traffic_hour_reports' END;
BEGIN
    -- One report may be late. The end of the range is like another one, of each gateway.
    RETURN QUERY EXECUTE format('WITH times AS (%s),
        spaces AS (SELECT host, time, lead(time) OVER (PARTITION BY host ORDER BY time) AS next
            FROM (TABLE times UNION ALL SELECT DISTINCT host, least($1, now()) FROM times) AS t),
        usual AS (SELECT host, percentile_disc(0.5) WITHIN GROUP (ORDER BY next - time) AS space FROM spaces GROUP BY host)
        SELECT time, next, host FROM spaces JOIN usual USING (host) WHERE next - time > 3 * space ORDER BY time, host',
        vpn_traffic_all(format('SELECT host, time FROM %I WHERE time >= %L AND time <= %L%s', reports, since, until, hosts.condition),
            'host text COLLATE "C", time timestamptz')) USING until;
    RETURN QUERY SELECT since, until, format('shard %s: %s', shard, reason) FROM vpn_traffic_silent();
END $$;
