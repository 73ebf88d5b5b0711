-- Fills the sums of hours, and what says that they are there, for so many days before a
-- time: 120 sources and 120 destinations, each with seven services, and all pairs of them.
-- Then sums up these days. Of the pairs, hours have rows for so many days and the first
-- only: of others there are the sums of days.
CREATE FUNCTION fill_days(end_at timestamptz, days int, pair_days int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    begin_at timestamptz := end_at - days * interval '1 day';
    month    date;
    part     record;
BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', begin_at, 'UTC'), end_at, '1 month')::date LOOP
        FOR part IN SELECT name, name || to_char(month, '_YYYYMM') AS child FROM vpn_traffic_tables WHERE span = 'month' ORDER BY name LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                part.child, part.name, month || ' 00:00+00', (month + interval '1 month')::date || ' 00:00+00');
        END LOOP;
    END LOOP;
    FOR part IN SELECT * FROM (VALUES ('src', '10.32.'), ('dst', '10.33.')) AS v (kind, prefix) LOOP
        EXECUTE format('INSERT INTO vpn_traffic_hour_by_%1$s (time, host, %1$s, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
            SELECT h, ''gw'', %2$L || n || ''.0'', (ARRAY[''tcp'',''tcp'',''udp'',''tcp'',''udp'',''tcp'',''icmp''])[1 + p], (ARRAY[443,80,53,22,-1,-1,-1])[1 + p],
                x, x * 500, x * 2, x * 2500, x * 100, x, x %% 50
            FROM generate_series($1, $2 - interval ''1 hour'', ''1 hour'') h, generate_series(0, 119) n, generate_series(0, 6) p,
                LATERAL (SELECT 1000 + (n * 31 + p * 17 + extract(hour FROM h)::bigint * 7) %% 9973 AS x) AS y', part.kind, part.prefix) USING begin_at, end_at;
    END LOOP;
    INSERT INTO vpn_traffic_hour_by_port (time, host, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
    SELECT time, host, proto, port, sum(src_packets), sum(src_bytes), sum(dst_packets), sum(dst_bytes), sum(connection_times), sum(connection_count), sum(open_connections)
    FROM vpn_traffic_hour_by_src GROUP BY 1, 2, 3, 4;
    -- Keys of so many rows are made faster when all are there.
    ALTER TABLE vpn_traffic_hour_by_pair DROP CONSTRAINT vpn_traffic_hour_by_pair_pkey;
    INSERT INTO vpn_traffic_hour_by_pair (time, host, src, dst, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
    SELECT h, 'gw', '10.32.' || s || '.0', '10.33.' || d || '.0', x, x * 500, x * 2, x * 2500, x * 100, x, x % 50
    FROM generate_series(begin_at, end_at - interval '1 hour', '1 hour') h, generate_series(0, 119) s, generate_series(0, 119) d,
        LATERAL (SELECT 10 + (s * 31 + d * 17 + extract(hour FROM h)::bigint * 7) % 997 AS x) AS y
    WHERE h < begin_at + interval '1 day' OR h >= end_at - pair_days * interval '1 day';
    ALTER TABLE vpn_traffic_hour_by_pair ADD PRIMARY KEY (src, dst, host, time);
    INSERT INTO vpn_traffic_hour_reports SELECT h, 'gw', 240, 240 FROM generate_series(begin_at, end_at - interval '1 hour', '1 hour') h;
    -- The finer tables of all these days are gone, but for those of the last, which are empty.
    INSERT INTO vpn_traffic_gone SELECT level, d::date, d::date + 1
    FROM generate_series(begin_at::date, end_at::date - 1, '1 day') d, unnest('{raw, minute}'::text[]) AS level;
    PERFORM vpn_traffic_list_sums();
    FOR part IN SELECT unit FROM vpn_traffic_units WHERE place <= 2 ORDER BY place LOOP
        PERFORM vpn_traffic_sum_up(unit, first) FROM (SELECT * FROM vpn_traffic_sums_due WHERE unit = part.unit ORDER BY first) AS due;
    END LOOP;
    INSERT INTO vpn_traffic_day_by_pair (time, host, src, dst, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
    SELECT day, 'gw', '10.32.' || s || '.0', '10.33.' || d || '.0', x, x * 500, x * 2, x * 2500, x * 100, x, x % 50
    FROM generate_series(begin_at + interval '1 day', end_at - greatest(pair_days, 1) * interval '1 day' - interval '1 day', '1 day') day, generate_series(0, 119) s, generate_series(0, 119) d,
        LATERAL (SELECT 240 + (s * 31 + d * 17 + extract(day FROM day)::bigint * 7) % 997 AS x) AS y;
    FOR part IN SELECT unit FROM vpn_traffic_units WHERE place > 2 ORDER BY place LOOP
        PERFORM vpn_traffic_sum_up(unit, first) FROM (SELECT * FROM vpn_traffic_sums_due WHERE unit = part.unit ORDER BY first) AS due;
    END LOOP;
    INSERT INTO vpn_traffic_values SELECT kind, value, begin_at::date, end_at::date
    FROM (SELECT 'src', '10.32.' || n || '.0' FROM generate_series(0, 119) n UNION ALL SELECT 'dst', '10.33.' || n || '.0' FROM generate_series(0, 119) n UNION ALL SELECT 'host', 'gw') AS v (kind, value);
END $$;
