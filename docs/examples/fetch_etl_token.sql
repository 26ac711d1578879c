-- The tokens of fetch-etl: see token-format.md. Needs pgcrypto, Postgres 10 or later and a database in UTF8.
create schema fetch_etl_token;
create extension pgcrypto with schema fetch_etl_token;
create function fetch_etl_token.ip_bytes(ip text) returns bytea
language plpgsql stable strict set search_path = pg_catalog as $$
declare
  blanks text := E'\t\n\u000b\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
    || E'\u2028\u2029\u202f\u205f\u3000\ufeff';
  port text := ':(?:[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$';
  part text := '(0|[1-9][0-9]{0,2})'; -- of IPv4: inet would take leading zeros, and three parts after ::
  address text := regexp_replace(btrim(ip, blanks), '^(\[.+\]|[0-9A-Fa-f:]*(?:\.[0-9]+)+)' || port, '\1');
begin
  address := regexp_replace(address, '^\[([^][]+)\]$', '\1');
  address := regexp_replace(address, '^([^%]*:[^%]*)%[0-9A-Za-z_.~-]+$', '\1');
  if length(ip) > 128 or address !~ ('^[0-9A-Fa-f:]+$|^([0-9A-Fa-f:]*:)?' || part || '(\.' || part || '){3}$')
    then return null; end if;
  return case family(address::inet) when 4 then '\x00000000000000000000ffff'::bytea else '' end
    || substring(inet_send(address::inet) from 5);
exception when invalid_text_representation then return null; end $$;
create function fetch_etl_token.derive(master bytea, purpose text, size int) returns bytea
language sql stable strict set search_path = pg_catalog, fetch_etl_token as $$ select substring(hmac(
    convert_to('fetch-etl/v1/' || purpose, 'UTF8') || '\x01', hmac(master, '\x', 'sha256'), 'sha256') for size) $$;
create function fetch_etl_token.token(master bytea, field text, value text) returns text
language sql stable strict set search_path = pg_catalog, fetch_etl_token as $$
  select 'h1.' || translate(encode(derive(master, 'kid', 6), 'base64') || '.' || encode(hmac(case when field = 'ip'
      then ip_bytes(value) else convert_to(case when value ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'
      then lower(value) else value end, 'UTF8') end, derive(master, field, 32), 'sha256'), 'base64'), '+/=', '-_')
  where value not in ('', '00000000-0000-0000-0000-000000000000') $$;
