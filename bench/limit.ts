import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";

/** One statement a read that makes the whole answer: what no server of a graph can beat. */
const STATEMENTS: Record<string, string> = {
  nested: `
    SELECT json_build_object('data', json_build_object('organization', json_build_object('id', o.id, 'name', o.name,
      'subOrganizations', json_build_object('nodes', (
        SELECT json_agg(json_build_object('id', s.id, 'name', s.name, 'credentials', json_build_object('nodes', (
          SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'program', c.program,
            'owner', json_build_object('id', s.id, 'name', s.name)) ORDER BY c.id)
          FROM (SELECT * FROM credentials c WHERE c.root_id = o.id AND c.owner_id = s.id ORDER BY c.id LIMIT 20) c))) ORDER BY s.id)
        FROM (SELECT * FROM tenants s WHERE s.root_id = o.id AND s.id <> o.id ORDER BY s.id LIMIT 20) s)))))::text AS answer
    FROM tenants o WHERE o.root_id = $1 AND o.id = $1`,
  one: `
    SELECT json_build_object('data', json_build_object('credential', json_build_object('id', c.id, 'name', c.name,
      'program', c.program, 'owner', json_build_object('id', s.id, 'name', s.name))))::text AS answer
    FROM credentials c JOIN tenants s ON s.root_id = c.root_id AND s.id = c.owner_id WHERE c.root_id = $1 AND c.id = $2`,
  list: `
    SELECT json_build_object('data', json_build_object('subOrganization', json_build_object('credentials', json_build_object('nodes', (
      SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'program', c.program, 'keyId', c.key_id) ORDER BY c.id)
      FROM (SELECT * FROM credentials c WHERE c.root_id = $1 AND c.owner_id = $2 ORDER BY c.id LIMIT 20) c)))))::text AS answer`,
  certificates: `
    SELECT json_build_object('data', json_build_object('credential', json_build_object('appStoreConnect', json_build_object('certificates',
      json_build_object('nodes', (
        SELECT json_agg(json_build_object('appleId', a.apple_id, 'name', a.name, 'type', a.type, 'appleType', a.apple_type,
          'serialNumber', a.serial_number, 'expiresAt', to_char(a.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'state', CASE WHEN a.expires_at <= now() THEN 'EXPIRED' ELSE 'VALID' END) ORDER BY a.position)
        FROM (SELECT * FROM apple_certificates a WHERE a.root_id = $1 AND a.credential_id = $2 ORDER BY a.position LIMIT 50) a))))))::text AS answer`,
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
