// Mercurius as an expert would tune it: compiled at the first query, a statement a level, prepared by name, raw rows, and
// each key's owner in the row of the key. There is no protection. The header x-organization says what a token would say.
import fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.argv[2], max: 20 });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const schema = `
  type Query {
    organization(id: ID!): Organization
    subOrganization(id: ID!): SubOrganization
    credential(id: ID!): Credential
  }
  type Organization { id: ID!, name: String!, subOrganizations(first: Int! = 50): SubOrganizationConnection! }
  type SubOrganizationConnection { nodes: [SubOrganization!]! }
  type SubOrganization { id: ID!, name: String!, credentials(first: Int! = 50): CredentialConnection! }
  type CredentialConnection { nodes: [Credential!]! }
  type Credential { id: ID!, name: String!, program: String!, keyId: String!, owner: Owner! }
  type Owner { id: ID!, name: String! }
`;

const credentialOf = ({ id, name, program, keyId, ownerId, ownerName }) => {
  return { id, name, program, keyId, owner: { id: ownerId, name: ownerName } };
};
const CREDENTIAL = `c.id, c.name, c.program, c.key_id AS "keyId", c.owner_id AS "ownerId", o.name AS "ownerName"`;

const resolvers = {
  Query: {
    organization: async (_, { id }) =>
      (await rows("organization", `SELECT id, name FROM tenants WHERE root_id = $1 AND id = $1`, [id]))[0] ?? null,
    subOrganization: async (_, { id }, { rootId }) =>
      (
        await rows("sub_organization", `SELECT id, name FROM tenants WHERE root_id = $1 AND id = $2`, [rootId, id])
      )[0] ?? null,
    credential: async (_, { id }, { rootId }) =>
      (
        await rows(
          "credential",
          `SELECT ${CREDENTIAL} FROM credentials c JOIN tenants o ON o.root_id = c.root_id AND o.id = c.owner_id
           WHERE c.root_id = $1 AND c.id = $2`,
          [rootId, id],
        )
      ).map(credentialOf)[0] ?? null,
  },
  Organization: {
    subOrganizations: async ({ id }, { first }) => ({
      nodes: await rows(
        "sub_organizations",
        `SELECT id, name FROM tenants WHERE root_id = $1 AND id <> root_id ORDER BY id LIMIT $2`,
        [id, first],
      ),
    }),
  },
};

const loaders = {
  SubOrganization: {
    credentials: {
      opts: { cache: false },
      loader: async (queries, { rootId }) => {
        const found = await rows(
          "credentials",
          `SELECT ${CREDENTIAL} FROM unnest($2::text[]) AS s (id) CROSS JOIN LATERAL (
             SELECT * FROM credentials c WHERE c.root_id = $1 AND c.owner_id = s.id ORDER BY c.id LIMIT $3) c
           JOIN tenants o ON o.root_id = c.root_id AND o.id = c.owner_id ORDER BY c.id`,
          [rootId, queries.map(({ obj }) => obj.id), queries[0].params.first],
        );
        const lists = new Map(queries.map(({ obj }) => [obj.id, []]));
        for (const row of found) lists.get(row.ownerId).push(credentialOf(row));
        return queries.map(({ obj }) => ({ nodes: lists.get(obj.id) }));
      },
    },
  },
};

const app = fastify();
app.register(mercurius, {
  ...{ schema, resolvers, loaders, jit: 1, graphiql: false },
  context: (request) => ({ rootId: request.headers["x-organization"] }),
});
console.log(`listening at ${await app.listen({ port: 0, host: "127.0.0.1" })}`);
