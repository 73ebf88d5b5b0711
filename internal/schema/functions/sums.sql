-- Longer sums than those of hours, which no import keeps: see vpn_traffic_summed_up.

-- The begin, in UTC, of the unit that a time is in.
CREATE OR REPLACE FUNCTION vpn_traffic_begin(unit text, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE unit WHEN 'quarter_day' THEN date_bin('6 hours', at, 'epoch')
        WHEN 'third_month' THEN date_trunc('month', at, 'UTC') + make_interval(hours => 240 * least((extract(day FROM at AT TIME ZONE 'UTC')::integer - 1) / 10, 2))
        ELSE date_trunc(unit, at, 'UTC') END
$$;

-- Notes that the sums that some times are in do not hold any more. Whoever adds to sums of
-- hours, or takes from them, calls it in the same transaction. All lock rows in one order.
CREATE OR REPLACE FUNCTION vpn_traffic_outdate(times timestamptz[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DELETE FROM vpn_traffic_summed_up WHERE id IN (SELECT id FROM vpn_traffic_summed_up
        WHERE (unit, first) IN (SELECT u.unit, vpn_traffic_begin(u.unit, at) FROM vpn_traffic_units AS u, unnest(times) AS at) ORDER BY id FOR UPDATE)
$$;

-- Lists what is over and not listed, so that it is summed up. A transaction that has added
-- to one of these times without seeing it listed is over when this returns: it waits for
-- all that add rows, and they for it, but only if there is something to list. Of a time
-- without reports, the sums are made: there are none. The others get their partitions now:
-- to make one takes a lock, which whoever sums up would keep for long.
CREATE OR REPLACE FUNCTION vpn_traffic_list_sums() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM vpn_traffic_sums_to_list()) THEN
        RETURN;
    END IF;
    LOCK TABLE vpn_traffic_summed_up IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO vpn_traffic_summed_up (unit, first, next, valid)
    SELECT unit, first, next, NOT EXISTS (SELECT FROM vpn_traffic_hour_reports AS r WHERE r.time >= l.first AND r.time < l.next)
    FROM vpn_traffic_sums_to_list() AS l ORDER BY first;
    PERFORM vpn_traffic_make_partition(t.name, m.month)
    FROM (SELECT DISTINCT unit, date_trunc('month', first AT TIME ZONE 'UTC')::date AS month FROM vpn_traffic_summed_up WHERE NOT valid) AS m
    JOIN vpn_traffic_tables AS t USING (unit);
END $$;

CREATE OR REPLACE FUNCTION vpn_traffic_sums_to_list() RETURNS TABLE (unit text, first timestamptz, next timestamptz) LANGUAGE sql STABLE
SET search_path FROM CURRENT SET timezone = UTC AS $$
    WITH months AS (SELECT m AS first, m + interval '1 month' AS next
            FROM generate_series(date_trunc('month', (SELECT min(time) FROM vpn_traffic_hour_reports), 'UTC'), now(), '1 month') AS m
            WHERE vpn_traffic_there('hour', m, m + interval '1 month')),
        units AS (
            SELECT 'quarter_day' AS unit, t AS first, t + interval '6 hours' AS next FROM months, generate_series(first, next - interval '6 hours', '6 hours') AS t
            UNION ALL SELECT 'day', t, t + interval '1 day' FROM months, generate_series(first, next - interval '1 day', '1 day') AS t
            UNION ALL SELECT 'third_month', first + n * interval '10 days', CASE n WHEN 2 THEN next ELSE first + (n + 1) * interval '10 days' END FROM months, generate_series(0, 2) AS n
            UNION ALL SELECT 'month', first, next FROM months
            UNION ALL SELECT 'quarter', first, first + interval '3 months' FROM months WHERE first = date_trunc('quarter', first))
    SELECT unit, first, next FROM units AS u WHERE next <= now() AND NOT EXISTS (SELECT FROM vpn_traffic_summed_up AS s WHERE s.unit = u.unit AND s.first = u.first)
$$;

-- What is listed and can be summed up, since the sums that it is made of hold.
CREATE OR REPLACE VIEW vpn_traffic_sums_due AS
SELECT unit, place, first, next, id FROM vpn_traffic_summed_up AS s JOIN vpn_traffic_units AS u USING (unit)
WHERE NOT valid AND (finer IS NULL OR s.next - s.first =
    (SELECT sum(f.next - f.first) FROM vpn_traffic_summed_up AS f WHERE f.unit = u.finer AND f.valid AND f.first >= s.first AND f.first < s.next));
COMMENT ON VIEW vpn_traffic_sums_due IS 'what vpn_traffic_sum_up can be called for';

-- Makes sums that are due. They are thrown away when somebody adds to them meanwhile:
-- nobody is kept from that.
CREATE OR REPLACE FUNCTION vpn_traffic_sum_up(of_unit text, begins timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = UTC SET datestyle = ISO SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    columns constant text[] := vpn_traffic_sum_columns();
    -- As imports add: a sum stops at the largest number. least passes over a NULL.
    sums    constant text := (SELECT string_agg(format('CASE WHEN count(%1$s) > 0 THEN least(sum(%1$s), 9223372036854775807) END::bigint', c), ', ' ORDER BY n)
        FROM unnest(columns) WITH ORDINALITY AS u (c, n));
    due     vpn_traffic_sums_due;
    t       record;
BEGIN
    LOCK TABLE vpn_traffic_summed_up IN SHARE UPDATE EXCLUSIVE MODE; -- one of us at a time, whom no import waits for
    SELECT * INTO due FROM vpn_traffic_sums_due WHERE unit = of_unit AND first = begins;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR t IN SELECT * FROM vpn_traffic_tables WHERE unit = of_unit ORDER BY name LOOP
        PERFORM vpn_traffic_make_partition(t.name, begins::date);
        EXECUTE format('DELETE FROM %I WHERE time >= %L AND time < %L', t.name, due.first, due.next);
        EXECUTE format('INSERT INTO %1$I (time, host, %2$s, %3$s) SELECT %4$s, host, %2$s, %5$s FROM %6$I
            WHERE time >= %7$L AND time < %8$L GROUP BY 1, host, %2$s ORDER BY %2$s',
            t.name, t.keys, array_to_string(columns, ', '), CASE t.level WHEN t.unit THEN format('%L::timestamptz', due.first) ELSE 'time' END,
            sums, t.finer, due.first, due.next);
    END LOOP;
    UPDATE vpn_traffic_summed_up SET valid = true WHERE id = due.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'rows of the % from % were added meanwhile', of_unit, begins USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
