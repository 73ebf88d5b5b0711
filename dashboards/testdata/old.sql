-- The table as the old importer had it, with the same traffic.
CREATE SCHEMA old;
CREATE TABLE old.vpn_traffic (
    id serial, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
    src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint,
    connection_times int, connection_count int, open_connections int
);
INSERT INTO old.vpn_traffic (time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections)
SELECT time, src, dst, proto, port, src_packets, src_bytes, dst_packets, dst_bytes, connection_times, connection_count, open_connections FROM vpn_traffic;
ALTER TABLE old.vpn_traffic ADD PRIMARY KEY (id);
ALTER TABLE old.vpn_traffic ADD UNIQUE (time, src, dst, proto, port);
CREATE INDEX ON old.vpn_traffic (time);
CREATE INDEX ON old.vpn_traffic (src);
CREATE INDEX ON old.vpn_traffic (dst);
CREATE INDEX ON old.vpn_traffic (port);
ANALYZE old.vpn_traffic;
