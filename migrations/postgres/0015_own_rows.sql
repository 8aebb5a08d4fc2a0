-- A second line of defence: whatever a statement says, a session sees and writes the rows of the account
-- that it is for (`holdfast.account`), or everybody's where it is for '*'. A session that is for none
-- sees none. For the owner of the tables as well; a superuser is past it.
--
-- Every table that has an account, also those of later migrations and partitions that are made later:
-- the engine calls this when it has migrated and when it has made partitions. What is guarded already is
-- not locked.
CREATE FUNCTION holdfast_guard() RETURNS void LANGUAGE plpgsql AS $guard$
DECLARE
    unguarded regclass;
BEGIN
    -- The lock under which partitions are made and dropped.
    PERFORM pg_advisory_xact_lock(5219509671615886196);
    FOR unguarded IN
        SELECT c.oid FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'account' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        ORDER BY c.oid
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS own_rows ON %s', unguarded);
        -- Written as "is not 0": the planner takes that for nearly every row, as it is where the statement
        -- has named the account itself, and plans as if it were not there.
        EXECUTE format('CREATE POLICY own_rows ON %s USING (CASE WHEN account = current_setting(''holdfast.account'', true) '
            'OR current_setting(''holdfast.account'', true) = ''*'' THEN 1 ELSE 0 END <> 0)', unguarded);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', unguarded);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', unguarded);
    END LOOP;
END
$guard$;

SELECT holdfast_guard();
