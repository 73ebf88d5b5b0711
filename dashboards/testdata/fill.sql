-- Fills the tables as the sink would, much faster.

CREATE FUNCTION fill_partitions(begin_at timestamptz, end_at timestamptz) RETURNS void LANGUAGE sql AS $$
    SELECT vpn_traffic_make_partitions(d::date) FROM generate_series(date_trunc('day', begin_at AT TIME ZONE 'UTC'), end_at AT TIME ZONE 'UTC', '1 day') d;
$$;

-- Reports every 15 s, of 120 sources that each talk to 82 or 83 of 120 destinations.
CREATE FUNCTION fill_hour(begin_at timestamptz, reports int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    end_at timestamptz := begin_at + reports * interval '15 s';
BEGIN
    PERFORM fill_partitions(begin_at, end_at);
    INSERT INTO vpn_traffic (time, src, dst, proto, port, host, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
    SELECT begin_at + r * interval '15 s', '10.32.' || s || '.0', '10.33.' || (r * 7 + s + k) % 120 || '.0',
        (ARRAY['tcp','tcp','udp','tcp','udp','tcp','icmp'])[1 + x.p], (ARRAY[443,80,53,22,-1,-1,-1])[1 + x.p], 'gw',
        x.n, x.n * 500, x.n * 2, x.n * 2500, CASE WHEN x.p IN (0,1,3,5) THEN x.n * 100 ELSE 0 END, CASE WHEN x.p IN (0,1,3,5) THEN 1 + x.n % 4 ELSE 0 END, x.n % 50
    FROM generate_series(0, reports - 1) r, generate_series(0, 119) s, generate_series(0, 81 + s % 2) k,
        LATERAL (SELECT (s * 3 + (r * 7 + s + k) % 120 * 5 + k % 2) % 7 AS p, 1 + (s * 31 + k * 17 + r) % 997 AS n) x;
    INSERT INTO vpn_traffic_reports (host, time, tracked) SELECT 'gw', begin_at + r * interval '15 s', true FROM generate_series(0, reports - 1) r;
    PERFORM fill_sums(begin_at, end_at);
END $$;

-- What follows from rows and reports: their sums, and the values that they have.
CREATE FUNCTION fill_sums(begin_at timestamptz, end_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    sums text := 'sum(src_packets)::bigint, sum(src_bytes)::bigint, sum(dst_packets)::bigint, sum(dst_bytes)::bigint, sum(connection_times)::bigint, sum(connection_count)::bigint, sum(open_connections)::bigint';
    step record;
BEGIN
    FOR step IN SELECT * FROM (VALUES
        ('vpn_traffic_by_src', 'vpn_traffic', 'time', 'host, src, proto, port'),
        ('vpn_traffic_by_dst', 'vpn_traffic', 'time', 'host, dst, proto, port'),
        ('vpn_traffic_by_port', 'vpn_traffic_by_src', 'time', 'host, proto, port'),
        ('vpn_traffic_minute_by_src', 'vpn_traffic_by_src', 'date_trunc(''minute'', time)', 'host, src, proto, port'),
        ('vpn_traffic_minute_by_dst', 'vpn_traffic_by_dst', 'date_trunc(''minute'', time)', 'host, dst, proto, port'),
        ('vpn_traffic_minute_by_port', 'vpn_traffic_by_port', 'date_trunc(''minute'', time)', 'host, proto, port'),
        ('vpn_traffic_minute_total_by_src', 'vpn_traffic_minute_by_src', 'time', 'host, src'),
        ('vpn_traffic_minute_total_by_dst', 'vpn_traffic_minute_by_dst', 'time', 'host, dst'),
        ('vpn_traffic_hour_by_src', 'vpn_traffic_minute_by_src', 'date_trunc(''hour'', time, ''UTC'')', 'host, src, proto, port'),
        ('vpn_traffic_hour_by_dst', 'vpn_traffic_minute_by_dst', 'date_trunc(''hour'', time, ''UTC'')', 'host, dst, proto, port'),
        ('vpn_traffic_hour_by_port', 'vpn_traffic_minute_by_port', 'date_trunc(''hour'', time, ''UTC'')', 'host, proto, port'),
        ('vpn_traffic_hour_by_pair', 'vpn_traffic', 'date_trunc(''hour'', time, ''UTC'')', 'host, src, dst')) AS v (into_table, from_table, bucket, keys) LOOP
        EXECUTE format('INSERT INTO %I (time, %s, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections) SELECT %s, %s, %s FROM %I WHERE time >= %L AND time < %L GROUP BY 1, %s ORDER BY 1',
            step.into_table, step.keys, step.bucket, step.keys, sums, step.from_table, begin_at, end_at, step.keys);
    END LOOP;
    INSERT INTO vpn_traffic_minute_reports SELECT date_trunc('minute', time), host, count(*), count(*) FROM vpn_traffic_reports WHERE time >= begin_at AND time < end_at GROUP BY 1, 2;
    INSERT INTO vpn_traffic_hour_reports SELECT date_trunc('hour', time, 'UTC'), host, count(*), count(*) FROM vpn_traffic_reports WHERE time >= begin_at AND time < end_at GROUP BY 1, 2;
    INSERT INTO vpn_traffic_values SELECT v.kind, v.name, min(time)::date, max(time)::date FROM vpn_traffic_minute_by_src, LATERAL (VALUES ('src', src), ('proto', proto), ('port', port::text), ('host', host)) v (kind, name)
        WHERE time >= begin_at AND time < end_at GROUP BY 1, 2 ON CONFLICT DO NOTHING;
    INSERT INTO vpn_traffic_values SELECT 'dst', dst, min(time)::date, max(time)::date FROM vpn_traffic_minute_by_dst WHERE time >= begin_at AND time < end_at GROUP BY 1, 2 ON CONFLICT DO NOTHING;
END $$;
