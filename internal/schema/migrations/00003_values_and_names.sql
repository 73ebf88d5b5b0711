-- Which values each column has had, for the variables of dashboards: a DISTINCT over
-- the rows would take seconds. The import keeps it, and writes only what differs.
CREATE TABLE vpn_traffic_values (
    kind      text COLLATE "C" NOT NULL,
    value     text COLLATE "C" NOT NULL,
    first_day date             NOT NULL,
    last_day  date             NOT NULL,
    PRIMARY KEY (kind, value)
);
COMMENT ON TABLE vpn_traffic_values IS 'the values of src, dst, proto, port and host (kind), and the days, in UTC, of their first and last rows';

-- What addresses were called when: a log of changes, so that a new name leaves
-- what is older as it was. The import keeps it, and writes only what differs.
-- Sources and destinations have names of their own: of other masks, the same
-- address is another network.
CREATE TABLE vpn_traffic_name_history (
    kind    text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    host    text COLLATE "C" NOT NULL,
    since   timestamptz      NOT NULL,
    name    text             NOT NULL,
    PRIMARY KEY (kind, address, host, since)
);
COMMENT ON TABLE vpn_traffic_name_history IS 'what the reports of a host called an address from a time on, until the next row of the address';
COMMENT ON COLUMN vpn_traffic_name_history.kind IS 'src or dst: the column that holds the address';
