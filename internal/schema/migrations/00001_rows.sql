-- The names and meanings of all columns but host are a public contract:
-- dashboards query them. Columns of fixed width come first: nothing is padded
-- between texts, and what sums read is found without measuring those.
-- What counts connections is as wide as the kernel's own count of them, which
-- saves eight bytes a row.
CREATE TABLE vpn_traffic (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count integer          NOT NULL,
    port             integer          NOT NULL,
    open_connections integer,
    src              text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    proto            text COLLATE "C" NOT NULL,
    host             text COLLATE "C" NOT NULL DEFAULT ''
) PARTITION BY RANGE (time);

COMMENT ON TABLE vpn_traffic IS 'traffic of source and destination groups, accounted to the opener of the connection';
COMMENT ON COLUMN vpn_traffic.port IS 'destination port of the opener; -1 for all ports that are not told apart';
COMMENT ON COLUMN vpn_traffic.host IS 'the gateway that accounted; empty where the report does not tell';
COMMENT ON COLUMN vpn_traffic.connection_times IS 'milliseconds: lifetimes of the connections counted, summed';
COMMENT ON COLUMN vpn_traffic.connection_count IS 'connections that closed in the interval';
COMMENT ON COLUMN vpn_traffic.open_connections IS 'a gauge: connections open at the end of the interval; null where it is not tracked';

-- BRIN indexes are not told to summarize by themselves: in a long import that
-- fills the server's log. vpn_traffic_summarize does it. The index over (src, dst)
-- is each partition's own: see vpn_traffic_make_partitions.
CREATE INDEX vpn_traffic_time ON vpn_traffic USING brin (time) WITH (pages_per_range = 32);

-- A row for each report, that is for each (host, time) of which rows have
-- come. Importing locks it. That keeps vpn_traffic exact without a unique index
-- over the row key: only rows of a report seen before have to be looked for.
CREATE TABLE vpn_traffic_reports (
    host       text COLLATE "C" NOT NULL,
    time       timestamptz      NOT NULL,
    deliveries integer          NOT NULL DEFAULT 1,
    tracked    boolean          NOT NULL DEFAULT false,
    expired    boolean          NOT NULL DEFAULT false,
    PRIMARY KEY (host, time)
);
CREATE INDEX vpn_traffic_reports_time ON vpn_traffic_reports USING brin (time) WITH (pages_per_range = 32);

COMMENT ON TABLE vpn_traffic_reports IS 'reports of which rows have come';
COMMENT ON COLUMN vpn_traffic_reports.deliveries IS 'how often rows of the report have come: more than once when it came in parts, or again';
COMMENT ON COLUMN vpn_traffic_reports.tracked IS 'whether any row has open_connections';
COMMENT ON COLUMN vpn_traffic_reports.expired IS 'the rows of vpn_traffic are gone by retention; what comes again cannot be told from what was stored';
