-- Two roles beside the loader's, each with no more than its work needs. Tables, the loader's role (fetch_etl_loader) and its rights come from
--   fetch-etl init --print | psql -v ON_ERROR_STOP=1 …
-- which comes first. Run this as the tables' owner, in the same database. It can be run again. It names public.user_logins: where --table
-- names another table, name that one here, and grant usage on its schema too.
--
-- The roles cannot log in themselves: grant them to the users who do, as in
--   create role officer login password '…' in role fetch_etl_privacy_officer;

do $$
declare
  name pg_catalog.text;
begin
  foreach name in array array['fetch_etl_analyst', 'fetch_etl_privacy_officer'] loop
    if not exists (select from pg_catalog.pg_roles where rolname operator(pg_catalog.=) name) then
      execute pg_catalog.format('create role %I nologin', name);
    end if;
  end loop;
end
$$;

-- Others see nothing of what is not theirs. (Postgres grants them none of this by itself; somebody may have.)
revoke all on schema fetch_etl from public;
revoke all on all tables in schema fetch_etl from public;
revoke all on public.user_logins from public;

-- Before Postgres 15 everybody may make functions and operators in `public`, which unqualified names of others' SQL then find. Does nothing but
-- warn where you do not own the schema. Grant it to the roles that do make things there, if there are any.
do $$
begin
  revoke create on schema public from public;
exception
  when insufficient_privilege or invalid_schema_name then null;
end
$$;

-- The analyst: reads the rows, and nothing that could lead back to a person.
grant select on public.user_logins to fetch_etl_analyst;

-- The privacy officer: `reveal`, `forget`, `rotate`, `verify` and `quarantine`. Can also read the vault directly, which leaves no
-- record: use pgaudit to log every read. May write the log, and not change or delete what stands there;
-- time and user are the database's own to fill in.
grant usage on schema fetch_etl to fetch_etl_privacy_officer;
grant select, insert, delete on fetch_etl.vault to fetch_etl_privacy_officer;
grant select on fetch_etl.vault_keys, fetch_etl.reveal_log to fetch_etl_privacy_officer;
grant insert (action, reason, tokens) on fetch_etl.reveal_log to fetch_etl_privacy_officer;
grant select on public.user_logins to fetch_etl_privacy_officer;
grant update (masked_ip, masked_device_id) on public.user_logins to fetch_etl_privacy_officer; -- `rotate`
grant select, delete on fetch_etl.quarantine to fetch_etl_privacy_officer;
grant select on fetch_etl.ledger to fetch_etl_privacy_officer; -- `verify`: bodies that came again
grant update (replayed_at) on fetch_etl.quarantine to fetch_etl_privacy_officer; -- `quarantine replay`, and the next two
grant insert on public.user_logins to fetch_etl_privacy_officer;
grant insert on fetch_etl.vault_keys to fetch_etl_privacy_officer;
