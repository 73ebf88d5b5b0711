-- Everybody could make the server connect to anything with dblink, and use connections
-- that functions have left open: from now on, only the owner of the functions here can.
DO $$
DECLARE
    f regprocedure;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'dblink') THEN
        CREATE EXTENSION dblink;
    END IF;
    IF pg_has_role((SELECT extowner FROM pg_extension WHERE extname = 'dblink'), 'USAGE') THEN
        FOR f IN SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'
            AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dblink') LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
            IF to_regrole('vpn_traffic_owner') IS NOT NULL THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO vpn_traffic_owner', f);
            END IF;
        END LOOP;
        IF to_regrole('vpn_traffic_owner') IS NOT NULL THEN
            GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO vpn_traffic_owner;
            -- What runs with its owner's rights is not to run with a superuser's.
            PERFORM set_config('role', 'vpn_traffic_owner', true);
        END IF;
    END IF;
END $$;
