-- Sums of minutes without ports, which most questions about sources and destinations do
-- not ask for: they have a row where those by port have one for each port.
CREATE TABLE vpn_traffic_minute_total_by_src (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count integer          NOT NULL,
    open_connections integer,
    host             text COLLATE "C" NOT NULL,
    src              text COLLATE "C" NOT NULL,
    PRIMARY KEY (src, host, time)
) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_minute_total_by_dst (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count integer          NOT NULL,
    open_connections integer,
    host             text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    PRIMARY KEY (dst, host, time)
) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_minute_total_by_src USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_minute_total_by_dst USING brin (time) WITH (pages_per_range = 16);
INSERT INTO vpn_traffic_tables (name, span, filled, retention) VALUES
    ('vpn_traffic_minute_total_by_src', 'day', 100, 'minute'),
    ('vpn_traffic_minute_total_by_dst', 'day', 100, 'minute');

-- What is there already. Nobody adds to it meanwhile.
LOCK TABLE vpn_traffic_reports IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
    p      record;
    child  text;
    key    text;
BEGIN
    FOR p IN SELECT * FROM vpn_traffic_partitions WHERE parent IN ('vpn_traffic_minute_by_src', 'vpn_traffic_minute_by_dst') ORDER BY name LOOP
        child := replace(p.name, '_minute_by_', '_minute_total_by_');
        key := right(p.parent, 3);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, replace(p.parent, '_minute_by_', '_minute_total_by_'), p.first || ' 00:00+00', p.next || ' 00:00+00');
        EXECUTE format('INSERT INTO %I (time, host, %2$s, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
            SELECT time, host, %2$s, least(sum(src_packets), 9223372036854775807), least(sum(src_bytes), 9223372036854775807), least(sum(dst_packets), 9223372036854775807),
                least(sum(dst_bytes), 9223372036854775807), least(sum(connection_times), 9223372036854775807), least(sum(connection_count), 2147483647),
                CASE WHEN count(open_connections) > 0 THEN least(sum(open_connections), 2147483647) END
            FROM %3$I GROUP BY 1, 2, 3 ORDER BY 1', child, key, p.name);
    END LOOP;
END $$;
