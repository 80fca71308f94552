-- Secrets (as ciphertext only) and key-value pairs.

-- name: store_secret
insert into secret (tenant_id, name, ciphertext, key_id) values (%(tenant_id)s, %(name)s, %(ciphertext)s, %(key_id)s)
on conflict (tenant_id, name) do update set ciphertext = excluded.ciphertext, key_id = excluded.key_id, updated = now();

-- name: secret
select ciphertext, key_id from secret where tenant_id = %(tenant_id)s and name = %(name)s;

-- name: secret_names
select name from secret where tenant_id = %(tenant_id)s order by name;

-- name: delete_secret
delete from secret where tenant_id = %(tenant_id)s and name = %(name)s returning name;

-- name: lock_secrets_under_other_keys
-- Secrets of all tenants that are not encrypted with the first key; two replicas that start together take different ones.
select tenant_id, name, ciphertext, key_id from secret where key_id <> %(key_id)s
order by tenant_id, name limit %(limit)s for update skip locked;

-- name: re_encrypt_secrets
-- The same secrets under another key: `updated` stays, for the value has not changed.
update secret s set ciphertext = i.ciphertext, key_id = %(key_id)s
from unnest(%(tenant_ids)s::uuid[], %(names)s::text[], %(ciphertexts)s::bytea[]) as i (tenant_id, name, ciphertext)
where s.tenant_id = i.tenant_id and s.name = i.name;

-- name: store_key_value
-- One row a key, whoever sets it; its id stays.
insert into key_value (id, tenant_id, key, value) values (%(id)s, %(tenant_id)s, %(key)s, %(value)s)
on conflict (tenant_id, key) do update set value = excluded.value, updated = now()
returning id;

-- name: delete_key_value
delete from key_value where id = %(id)s and tenant_id = %(tenant_id)s returning key;
