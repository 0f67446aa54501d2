import type { MigrationInterface, QueryRunner } from "typeorm";

/** The log of each organization: a chain that only grows, since the server's role can do nothing but append to it. */
export class CreateAudit1764000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_events (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        seq bigint NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        at timestamptz NOT NULL,
        action text COLLATE "C" NOT NULL,
        outcome text NOT NULL,
        actor_id text COLLATE "C" NOT NULL,
        actor_label text NOT NULL,
        subject_id text COLLATE "C",
        subject_label text,
        details jsonb NOT NULL,
        request_id text,
        ip_address text,
        hash text COLLATE "C" NOT NULL,
        PRIMARY KEY (root_id, id),
        CONSTRAINT audit_events_root FOREIGN KEY (root_id, root_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT audit_events_outcome CHECK (outcome IN ('DONE', 'REFUSED', 'DENIED', 'FAILED'))
      );
      CREATE UNIQUE INDEX audit_event_in_chain ON audit_events (root_id, seq);
      CREATE INDEX audit_events_by_tenant ON audit_events (root_id, tenant_id, seq);
      CREATE INDEX audit_events_by_subject ON audit_events (root_id, subject_id, seq) WHERE subject_id IS NOT NULL;

      -- The last entry of each chain: whoever appends waits here for whoever appends before, in this organization alone.
      CREATE TABLE audit_heads (
        root_id text COLLATE "C" NOT NULL PRIMARY KEY,
        seq bigint NOT NULL,
        hash text COLLATE "C" NOT NULL,
        CONSTRAINT audit_heads_root FOREIGN KEY (root_id, root_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE
      );

      -- A part of what is hashed: its length before it, so that no two entries have the same text.
      CREATE FUNCTION audit_part(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT CASE WHEN value IS NULL THEN '-' ELSE octet_length(value) || ':' || value END $$;

      -- Appends entries, each with the hash of the one before. By the owner's right: the server's role has no other way
      -- to write here. Where the unit of work does not stand, nothing is written.
      CREATE FUNCTION append_audit(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
      DECLARE
        entry record;
        head_seq bigint;
        head_hash text;
        moment timestamptz;
        next_hash text;
      BEGIN
        FOR entry IN
          SELECT e.*, given.place FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (value, place),
            jsonb_to_record(given.value) AS e (root_id text, id text, tenant_id text, action text, outcome text, actor_id text,
              actor_label text, subject_id text, subject_label text, details jsonb, request_id text, ip_address text)
          ORDER BY e.root_id, given.place
        LOOP
          IF NOT coalesce(viewer_stands_in(entry.root_id, entry.tenant_id), false) THEN
            RAISE EXCEPTION 'the log of another' USING ERRCODE = 'insufficient_privilege';
          END IF;
          SELECT seq, hash INTO head_seq, head_hash FROM audit_heads WHERE root_id = entry.root_id FOR UPDATE;
          IF NOT FOUND THEN
            INSERT INTO audit_heads (root_id, seq, hash) VALUES (entry.root_id, 0, '') ON CONFLICT DO NOTHING;
            SELECT seq, hash INTO head_seq, head_hash FROM audit_heads WHERE root_id = entry.root_id FOR UPDATE;
          END IF;
          moment := date_trunc('milliseconds', clock_timestamp());
          next_hash := encode(sha256(convert_to(concat(
            audit_part(head_hash), audit_part((head_seq + 1)::text), audit_part(entry.root_id), audit_part(entry.id),
            audit_part(entry.tenant_id), audit_part(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
            audit_part(entry.action), audit_part(entry.outcome), audit_part(entry.actor_id), audit_part(entry.actor_label),
            audit_part(entry.subject_id), audit_part(entry.subject_label), audit_part(entry.details::text),
            audit_part(entry.request_id), audit_part(entry.ip_address)), 'UTF8')), 'hex');
          INSERT INTO audit_events (root_id, id, seq, tenant_id, at, action, outcome, actor_id, actor_label, subject_id,
            subject_label, details, request_id, ip_address, hash)
          VALUES (entry.root_id, entry.id, head_seq + 1, entry.tenant_id, moment, entry.action, entry.outcome, entry.actor_id,
            entry.actor_label, entry.subject_id, entry.subject_label, entry.details, entry.request_id, entry.ip_address, next_hash);
          UPDATE audit_heads SET seq = head_seq + 1, hash = next_hash WHERE root_id = entry.root_id;
        END LOOP;
      END $$;
      REVOKE ALL ON FUNCTION append_audit(jsonb) FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION append_audit(jsonb) TO countersign_app;
      GRANT SELECT ON audit_events, audit_heads TO countersign_app;

      -- Bound by row-level security are those who read. The owner appends in the function above, which checks by itself.
      ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
      ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
      CREATE POLICY audit_events_select ON audit_events FOR SELECT USING (viewer_stands_in(root_id, tenant_id));
      CREATE POLICY audit_events_insert ON audit_events FOR INSERT WITH CHECK (viewer_stands_in(root_id, tenant_id));
      ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
      ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
      CREATE POLICY audit_heads_all ON audit_heads USING (root_id = ANY ((SELECT viewer_roots())::text[]));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION append_audit(jsonb);
      DROP FUNCTION audit_part(text);
      DROP TABLE audit_events, audit_heads;
    `);
  }
}
