// The limit: node:http and one hand-written, prepared statement a read that makes the whole answer. There is no graph, no
// validation, no protection: what no server of a graph can beat.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";

/** As the graph writes a time. */
const time = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const ENDING = (table: string, also: string): string => `(
  SELECT e.root_id, e.owner_id, e.id, e.expires_at, ${also} AS node FROM ${table} e
  WHERE e.root_id = $1 AND e.expires_at > now() AND e.expires_at <= now() + interval '366 days'
  ORDER BY e.expires_at, e.id LIMIT 50)`;

/** Numbers of `nested` are how many sub-organizations, and how many keys of each. */
const STATEMENTS: Record<string, string> = {
  nested: `
    SELECT json_build_object('data', json_build_object('organization', json_build_object('id', o.id, 'name', o.name,
      'subOrganizations', json_build_object('nodes', (
        SELECT json_agg(json_build_object('id', s.id, 'name', s.name, 'credentials', json_build_object('nodes', (
          SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'program', c.program,
            'owner', json_build_object('id', s.id, 'name', s.name)) ORDER BY c.id)
          FROM (SELECT * FROM credentials c WHERE c.root_id = o.id AND c.owner_id = s.id ORDER BY c.id LIMIT $2::int) c))) ORDER BY s.id)
        FROM (SELECT * FROM tenants s WHERE s.root_id = o.id AND s.id <> o.id ORDER BY s.id LIMIT $2::int) s)))))::text AS answer
    FROM tenants o WHERE o.root_id = $1 AND o.id = $1`,
  one: `
    SELECT json_build_object('data', json_build_object('credential', json_build_object('id', c.id, 'name', c.name,
      'program', c.program, 'owner', json_build_object('id', s.id, 'name', s.name))))::text AS answer
    FROM credentials c JOIN tenants s ON s.root_id = c.root_id AND s.id = c.owner_id WHERE c.root_id = $1 AND c.id = $2`,
  list: `
    SELECT json_build_object('data', json_build_object('subOrganization', json_build_object('credentials', json_build_object('nodes', (
      SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'program', c.program, 'keyId', c.key_id) ORDER BY c.id)
      FROM (SELECT * FROM credentials c WHERE c.root_id = $1 AND c.owner_id = $2 ORDER BY c.id LIMIT 20) c)))))::text AS answer`,
  viewer: `
    SELECT json_build_object('data', json_build_object('viewer', json_build_object('actor', json_build_object(
      'id', t.id, 'name', t.name, 'permissions', t.permissions))))::text AS answer
    FROM access_tokens t WHERE t.token_hash = decode($1, 'hex') AND t.expires_at > now()`,
  certificates: `
    SELECT json_build_object('data', json_build_object('credential', json_build_object('appStoreConnect', json_build_object('certificates',
      json_build_object('nodes', (
        SELECT json_agg(json_build_object('appleId', a.apple_id, 'name', a.name, 'type', a.type, 'appleType', a.apple_type,
          'serialNumber', a.serial_number, 'expiresAt', ${time("a.expires_at")},
          'state', CASE WHEN a.expires_at <= now() THEN 'EXPIRED' ELSE 'VALID' END) ORDER BY a.position)
        FROM (SELECT * FROM apple_certificates a WHERE a.root_id = $1 AND a.credential_id = $2 ORDER BY a.position LIMIT 50) a))))))::text AS answer`,
  expiring: `
    SELECT json_build_object('data', json_build_object('organization', json_build_object('expiring', json_build_object('edges', (
      SELECT json_agg(json_build_object('expiresAt', ${time("e.expires_at")},
        'tenant', json_build_object('id', t.id, 'name', t.name), 'node', e.node) ORDER BY e.expires_at, e.id)
      FROM (SELECT * FROM (
          ${ENDING("certificates", "json_build_object('id', e.id, 'name', e.name, 'type', e.type)")}
          UNION ALL ${ENDING("provisioning_profiles", "json_build_object('id', e.id, 'name', e.name, 'uuid', e.uuid)")}) e
        ORDER BY e.expires_at, e.id LIMIT 50) e
      JOIN tenants t ON t.root_id = e.root_id AND t.id = e.owner_id)))))::text AS answer`,
  audit: `
    SELECT json_build_object('data', json_build_object('organization', json_build_object('auditEvents', json_build_object('nodes', (
      SELECT json_agg(json_build_object('id', e.id, 'at', ${time("e.at")}, 'action', e.action, 'outcome', e.outcome,
        'actorLabel', e.actor_label, 'subjectId', e.subject_id, 'subjectLabel', e.subject_label, 'hash', e.hash,
        'tenant', json_build_object('id', t.id, 'name', t.name)) ORDER BY e.seq DESC)
      FROM (SELECT * FROM audit_events e WHERE e.root_id = $1 ORDER BY e.seq DESC LIMIT 50) e
      JOIN tenants t ON t.root_id = e.root_id AND t.id = e.tenant_id)))))::text AS answer`,
};

const pool = new pg.Pool({ connectionString: process.argv[2] ?? "", max: 20 });

createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://limit");
  const name = url.pathname.slice(1);
  pool.query<{ answer: string }>({ name, text: STATEMENTS[name] ?? "", values: url.searchParams.getAll("id") }).then(
    ({ rows }) => response.setHeader("content-type", "application/json").end(rows[0]?.answer),
    () => response.writeHead(500).end(),
  );
}).listen(0, "127.0.0.1", function (this: { address(): unknown }) {
  console.log(`listening at http://127.0.0.1:${(this.address() as AddressInfo).port}`);
});
