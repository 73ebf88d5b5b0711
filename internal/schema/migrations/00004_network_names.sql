-- What addresses were called when: a log of changes, so that a new name leaves
-- what is older as it was. The import keeps it, and writes only what differs.
-- Sources and destinations have names of their own: of other masks, the same
-- address is another network.
CREATE TABLE vpn_traffic_network_names (
    kind    text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    host    text COLLATE "C" NOT NULL,
    since   timestamptz      NOT NULL,
    name    text             NOT NULL,
    PRIMARY KEY (kind, address, host, since)
);
COMMENT ON TABLE vpn_traffic_network_names IS 'what the reports of a host called an address from a time on, until the next row of the address';
COMMENT ON COLUMN vpn_traffic_network_names.kind IS 'src or dst: the column that holds the address';
