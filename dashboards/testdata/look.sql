-- Traffic to look at. Sources have names every second time, and are the smaller the
-- greater their number is; each talks to a few destinations in each report, to others
-- in the next. Steady traffic is the same in each report.
CREATE FUNCTION look_traffic(gateway text, begin_at timestamptz, end_at timestamptz, sources int, destinations int, peers int, steady bool, pace interval) RETURNS void LANGUAGE sql AS $$
    INSERT INTO vpn_traffic (time, src, dst, proto, port, host, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
    SELECT at, '10.32.' || s || '.0', '10.40.' || (s * 7 + k * 11 + turn * 5) % destinations || '.0',
        (ARRAY['tcp', 'tcp', 'udp', 'tcp', 'udp', 'tcp', 'icmp', 'tcp', 'tcp', 'tcp', 'udp', 'tcp', 'tcp', 'udp'])[1 + service],
        (ARRAY[443, 80, 53, 22, -1, -1, -1, 25, 993, 3306, 123, 5432, 8080, 1194])[1 + service], gateway,
        b / 400, b / 6, b / 900, b, CASE WHEN service IN (0, 1, 3, 5, 7, 8, 9, 11, 12) THEN b / 60 ELSE 0 END, CASE WHEN service IN (0, 1, 3, 5, 7, 8, 9, 11, 12) THEN 1 + b / 2000000 ELSE 0 END, 1 + b / 1000000
    FROM generate_series(begin_at, end_at - pace, pace) WITH ORDINALITY AS report(at, r), generate_series(0, sources - 1) s, generate_series(0, peers - 1) k,
        LATERAL (SELECT CASE WHEN steady THEN 0 ELSE (r % 13)::int END AS turn) t,
        LATERAL (SELECT (s * 3 + k + turn * 2) % 14 AS service, (6e7 / power((1 + s % 101)::float8, 0.9) / (1 + k) *
            CASE WHEN steady THEN 1 ELSE 1.1 + sin(extract(epoch FROM at)::float8 / 13751 + s) + 0.2 * sin(extract(epoch FROM at)::float8 / 97 + s * s) END)::bigint AS b OFFSET 0) x; -- OFFSET 0: once a row
    INSERT INTO vpn_traffic_reports (host, time, tracked) SELECT gateway, at, true FROM generate_series(begin_at, end_at - pace, pace) at;
    INSERT INTO vpn_traffic_name_history (kind, address, host, since, name)
    SELECT 'src', '10.32.' || s || '.0', gateway, begin_at, 'Team number ' || s FROM generate_series(0, sources - 1, 2) s ON CONFLICT DO NOTHING;
$$;
