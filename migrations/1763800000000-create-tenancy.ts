import type { MigrationInterface, QueryRunner } from "typeorm";

/** Tenants, members and access tokens; the server's role; who sees which of them. */
export class CreateTenancy1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The role that holds the server's rights; the server's login role is made a member of it.
      -- Roles belong to the whole PostgreSQL server: another database may have made it, even just now.
      DO $$ BEGIN
        CREATE ROLE countersign_app NOLOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END $$;
      GRANT USAGE ON SCHEMA public TO countersign_app;

      -- The organizations (root_id) and tenants that the unit of work stands in; not set: none, so no rows.
      CREATE FUNCTION viewer_roots() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT string_to_array(current_setting('countersign.roots', true), ',') $$;
      CREATE FUNCTION viewer_tenants() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT string_to_array(current_setting('countersign.tenants', true), ',') $$;

      -- A role in the root holds in all of its sub-organizations: whoever stands in the root stands in them all.
      CREATE FUNCTION viewer_stands_in(root_id text, tenant_id text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT root_id = ANY (viewer_roots()) AND (root_id = ANY (viewer_tenants()) OR tenant_id = ANY (viewer_tenants())) $$;

      CREATE TABLE tenants (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        name text NOT NULL,
        name_key text COLLATE "C" NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT tenants_root_is_an_organization CHECK ((kind = 'ORGANIZATION') = (id = root_id)),
        CONSTRAINT tenants_kind CHECK (kind IN ('ORGANIZATION', 'SUB_ORGANIZATION')),
        CONSTRAINT tenants_root FOREIGN KEY (root_id, root_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE
      );
      CREATE UNIQUE INDEX sub_organization_name ON tenants (root_id, name_key) WHERE kind = 'SUB_ORGANIZATION';

      CREATE TABLE members (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        email text COLLATE "C" NOT NULL,
        roles text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT members_tenant FOREIGN KEY (root_id, tenant_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT members_roles CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['OWNER', 'MANAGER', 'OPERATOR', 'VIEWER'])
      );
      CREATE UNIQUE INDEX member_email ON members (root_id, tenant_id, email);
      CREATE INDEX members_by_email ON members (email);
      CREATE INDEX members_by_tenant ON members (root_id, tenant_id, id);

      CREATE TABLE access_tokens (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        preview text NOT NULL,
        token_hash bytea NOT NULL,
        permissions text[] NOT NULL,
        is_owner boolean NOT NULL DEFAULT false,
        expires_at timestamptz NOT NULL,
        last_used_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT access_tokens_tenant FOREIGN KEY (root_id, tenant_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT access_tokens_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
        CONSTRAINT access_tokens_owner_stands_in_the_root CHECK (NOT is_owner OR tenant_id = root_id)
      );
      CREATE UNIQUE INDEX access_token_hash ON access_tokens (token_hash);
      CREATE INDEX access_tokens_by_tenant ON access_tokens (root_id, tenant_id, id);

      -- Whether this database is in use, asked before anybody stands anywhere: set once, with the first organization.
      CREATE TABLE foundings (id boolean PRIMARY KEY DEFAULT true CHECK (id), at timestamptz NOT NULL DEFAULT now());

      ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
      ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
      -- A sub-organization knows the organization it belongs to by name; its siblings it does not know.
      CREATE POLICY tenants_select ON tenants FOR SELECT USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (id = root_id OR root_id = ANY ((SELECT viewer_tenants())::text[]) OR id = ANY ((SELECT viewer_tenants())::text[])));
      CREATE POLICY tenants_insert ON tenants FOR INSERT WITH CHECK (viewer_stands_in(root_id, root_id));
      CREATE POLICY tenants_update ON tenants FOR UPDATE USING (viewer_stands_in(root_id, id));
      CREATE POLICY tenants_delete ON tenants FOR DELETE USING (viewer_stands_in(root_id, root_id) AND kind = 'SUB_ORGANIZATION');

      ALTER TABLE members ENABLE ROW LEVEL SECURITY;
      ALTER TABLE members FORCE ROW LEVEL SECURITY;
      -- The root's members are seen from below, where they are inherited. Who signs in sees the memberships of the e-mail.
      CREATE POLICY members_select ON members FOR SELECT USING (
        (root_id = ANY ((SELECT viewer_roots())::text[])
          AND (tenant_id = root_id OR root_id = ANY ((SELECT viewer_tenants())::text[]) OR tenant_id = ANY ((SELECT viewer_tenants())::text[])))
        OR email = (SELECT current_setting('countersign.signed_in_email', true)));
      CREATE POLICY members_insert ON members FOR INSERT WITH CHECK (viewer_stands_in(root_id, tenant_id));
      CREATE POLICY members_update ON members FOR UPDATE USING (viewer_stands_in(root_id, tenant_id));
      CREATE POLICY members_delete ON members FOR DELETE USING (viewer_stands_in(root_id, tenant_id));

      ALTER TABLE access_tokens ENABLE ROW LEVEL SECURITY;
      ALTER TABLE access_tokens FORCE ROW LEVEL SECURITY;
      -- Who presents a token sees the row of that token: its hash is set while the request is authenticated.
      CREATE POLICY access_tokens_select ON access_tokens FOR SELECT USING (
        (root_id = ANY ((SELECT viewer_roots())::text[])
          AND (root_id = ANY ((SELECT viewer_tenants())::text[]) OR tenant_id = ANY ((SELECT viewer_tenants())::text[])))
        OR encode(token_hash, 'hex') = (SELECT current_setting('countersign.presented_hash', true)));
      CREATE POLICY access_tokens_insert ON access_tokens FOR INSERT WITH CHECK (viewer_stands_in(root_id, tenant_id));
      CREATE POLICY access_tokens_update ON access_tokens FOR UPDATE USING (viewer_stands_in(root_id, tenant_id));
      CREATE POLICY access_tokens_delete ON access_tokens FOR DELETE USING (viewer_stands_in(root_id, tenant_id));

      GRANT SELECT, INSERT ON foundings TO countersign_app;
      GRANT SELECT, INSERT, DELETE, UPDATE (name, name_key) ON tenants TO countersign_app;
      GRANT SELECT, INSERT, DELETE, UPDATE (roles) ON members TO countersign_app;
      GRANT SELECT, INSERT, DELETE, UPDATE (last_used_at) ON access_tokens TO countersign_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE foundings, access_tokens, members, tenants;
      DROP FUNCTION viewer_stands_in(text, text);
      DROP FUNCTION viewer_tenants();
      DROP FUNCTION viewer_roots();
      REVOKE USAGE ON SCHEMA public FROM countersign_app;
    `);
  }
}
