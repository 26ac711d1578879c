-- Three more least-privilege roles. First create the tables, the loader role (fetch_etl_loader) and its grants with
--   fetch-etl init --print | psql -v ON_ERROR_STOP=1 …
-- Then run this file as the owner of the tables, in the same database. You can run it again. It names public.user_logins and its masked
-- columns: if you use --table or --mapping, replace these names, and also grant usage on the table's schema.
--
-- The roles cannot log in. Grant them to users who can, as in
--   create role officer login password '…' in role fetch_etl_privacy_officer;

do $$
declare
  name pg_catalog.text;
begin
  foreach name in array array['fetch_etl_analyst', 'fetch_etl_operator', 'fetch_etl_privacy_officer'] loop
    if not exists (select from pg_catalog.pg_roles where rolname operator(pg_catalog.=) name) then
      execute pg_catalog.format('create role %I nologin', name);
    end if;
  end loop;
end
$$;

-- Others have no access. (Postgres grants none by default, but somebody may have.)
revoke all on schema fetch_etl from public;
revoke all on all tables in schema fetch_etl from public;
revoke all on public.user_logins from public;

-- Before Postgres 15, every role can create functions and operators in `public`, and unqualified names in other people's SQL find them. If you
-- do not own the schema, this only prints a warning. Grant it to the roles that need to create objects there, if any.
do $$
begin
  revoke create on schema public from public;
exception
  when insufficient_privilege or invalid_schema_name then null;
end
$$;

-- The analyst reads the rows, but nothing that can decrypt them.
grant select on public.user_logins to fetch_etl_analyst;

-- The operator runs `status`, `verify`, and `quarantine list`, `show` and `replay`. This role can neither delete messages from the quarantine
-- nor run `show --raw`, because it cannot record a request. Other software can decrypt bodies with this role and the masking key: give it to
-- people who may use the host that runs drains, which sees every message.
grant usage on schema fetch_etl to fetch_etl_operator;
grant select on public.user_logins to fetch_etl_operator;
grant select on fetch_etl.schema_version, fetch_etl.runs, fetch_etl.quarantine, fetch_etl.ledger to fetch_etl_operator;
grant update (replayed_at, reasons, records) on fetch_etl.quarantine to fetch_etl_operator; -- `quarantine replay`, and the next three
grant insert on fetch_etl.ledger, fetch_etl.quarantine to fetch_etl_operator;
grant insert on public.user_logins to fetch_etl_operator;
grant insert on fetch_etl.vault, fetch_etl.vault_keys to fetch_etl_operator;

-- The privacy officer runs `reveal`, `forget`, `rotate`, `log`, `verify` and `quarantine`. This role can also read the vault directly, which
-- leaves no record: use pgaudit to log every read. It can add to the log, but cannot change or delete entries. The database fills in
-- the time and the user.
grant usage on schema fetch_etl to fetch_etl_privacy_officer;
grant select on fetch_etl.schema_version to fetch_etl_privacy_officer;
grant select, insert, delete on fetch_etl.vault to fetch_etl_privacy_officer;
grant select on fetch_etl.vault_keys, fetch_etl.reveal_log, fetch_etl.reveal_outcomes, fetch_etl.runs, fetch_etl.remasked to fetch_etl_privacy_officer;
grant insert (mac, token) on fetch_etl.remasked to fetch_etl_privacy_officer; -- `rotate`
grant insert (id, action, reason, tokens, messages, client_user, client_host) on fetch_etl.reveal_log to fetch_etl_privacy_officer;
grant insert (id, outcome) on fetch_etl.reveal_outcomes to fetch_etl_privacy_officer;
grant select on public.user_logins to fetch_etl_privacy_officer;
grant update (masked_ip, masked_device_id) on public.user_logins to fetch_etl_privacy_officer; -- `rotate`
grant select, delete on fetch_etl.quarantine to fetch_etl_privacy_officer;
grant select on fetch_etl.ledger to fetch_etl_privacy_officer; -- `verify`: repeated message bodies
grant update (replayed_at, reasons, records) on fetch_etl.quarantine to fetch_etl_privacy_officer; -- `quarantine replay`, and the next three
grant insert on fetch_etl.ledger, fetch_etl.quarantine to fetch_etl_privacy_officer;
grant insert on public.user_logins to fetch_etl_privacy_officer;
grant insert on fetch_etl.vault_keys to fetch_etl_privacy_officer;
