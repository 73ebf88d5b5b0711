-- Sums of vpn_traffic, so that dashboards need not read its rows. The import
-- keeps them in its own transaction, from the rows that it really inserted.
--
-- Per report: a late part of a report adds rows of its own, so sum over them.
-- What counts connections fits an integer here and in the sums of a minute: the
-- kernel's own count of them does. That saves eight bytes a row.
CREATE TABLE vpn_traffic_by_port (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count integer          NOT NULL,
    open_connections integer,
    port             integer          NOT NULL,
    proto            text COLLATE "C" NOT NULL,
    host             text COLLATE "C" NOT NULL
) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_by_port USING brin (time) WITH (pages_per_range = 16);

CREATE TABLE vpn_traffic_by_src (LIKE vpn_traffic_by_port, src text COLLATE "C" NOT NULL) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_by_src USING brin (time) WITH (pages_per_range = 16);

CREATE TABLE vpn_traffic_by_dst (LIKE vpn_traffic_by_port, dst text COLLATE "C" NOT NULL) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_by_dst USING brin (time) WITH (pages_per_range = 16);

-- Per minute and per hour, one row for each key. time is where the minute or
-- the hour begins, in UTC. open_connections is the sum of the gauge over the
-- reports: divide it by the tracked reports of the same time to get an average.
-- The keys begin with what dashboards filter by; BRIN finds the rest by time.
CREATE TABLE vpn_traffic_minute_by_src  (LIKE vpn_traffic_by_src,  PRIMARY KEY (src, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_minute_by_dst  (LIKE vpn_traffic_by_dst,  PRIMARY KEY (dst, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_minute_by_port (LIKE vpn_traffic_by_port, PRIMARY KEY (proto, port, host, time))      PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_src    (LIKE vpn_traffic_by_src,  PRIMARY KEY (src, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_dst    (LIKE vpn_traffic_by_dst,  PRIMARY KEY (dst, proto, port, host, time)) PARTITION BY RANGE (time);
CREATE TABLE vpn_traffic_hour_by_port   (LIKE vpn_traffic_by_port, PRIMARY KEY (proto, port, host, time))      PARTITION BY RANGE (time);
-- The gauge is added up over all reports of an hour: that may be more.
ALTER TABLE vpn_traffic_hour_by_src  ALTER connection_count TYPE bigint, ALTER open_connections TYPE bigint;
ALTER TABLE vpn_traffic_hour_by_dst  ALTER connection_count TYPE bigint, ALTER open_connections TYPE bigint;
ALTER TABLE vpn_traffic_hour_by_port ALTER connection_count TYPE bigint, ALTER open_connections TYPE bigint;
CREATE INDEX ON vpn_traffic_minute_by_src  USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_minute_by_dst  USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_minute_by_port USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_hour_by_src    USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_hour_by_dst    USING brin (time) WITH (pages_per_range = 16);
CREATE INDEX ON vpn_traffic_hour_by_port   USING brin (time) WITH (pages_per_range = 16);

-- Who talks to whom, per hour: all ports together.
CREATE TABLE vpn_traffic_hour_by_pair (
    time             timestamptz      NOT NULL,
    src_packets      bigint           NOT NULL,
    src_bytes        bigint           NOT NULL,
    dst_packets      bigint           NOT NULL,
    dst_bytes        bigint           NOT NULL,
    connection_times bigint           NOT NULL,
    connection_count bigint           NOT NULL,
    open_connections bigint,
    src              text COLLATE "C" NOT NULL,
    dst              text COLLATE "C" NOT NULL,
    host             text COLLATE "C" NOT NULL,
    PRIMARY KEY (src, dst, host, time)
) PARTITION BY RANGE (time);
CREATE INDEX ON vpn_traffic_hour_by_pair USING brin (time) WITH (pages_per_range = 16);

-- How many reports a minute or an hour has, and how many of them told
-- open_connections.
CREATE TABLE vpn_traffic_minute_reports (
    time    timestamptz      NOT NULL,
    host    text COLLATE "C" NOT NULL,
    reports bigint           NOT NULL,
    tracked bigint           NOT NULL,
    PRIMARY KEY (time, host)
) WITH (fillfactor = 50);
CREATE TABLE vpn_traffic_hour_reports (LIKE vpn_traffic_minute_reports INCLUDING INDEXES) WITH (fillfactor = 50);

-- What has no key is known by all of its columns where changes are published
-- (CREATE PUBLICATION), which would refuse to delete otherwise. It costs nothing
-- elsewhere.
ALTER TABLE vpn_traffic         REPLICA IDENTITY FULL;
ALTER TABLE vpn_traffic_by_src  REPLICA IDENTITY FULL;
ALTER TABLE vpn_traffic_by_dst  REPLICA IDENTITY FULL;
ALTER TABLE vpn_traffic_by_port REPLICA IDENTITY FULL;
