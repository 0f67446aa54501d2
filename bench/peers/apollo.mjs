// Apollo with Express, TypeORM's repositories and shield(), as their manuals show them. There is no protection: the one
// rule lets everybody through. The header x-organization says what a token would say.
import { createServer } from "node:http";
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
import { makeExecutableSchema } from "@graphql-tools/schema";
import express from "express";
import { applyMiddleware } from "graphql-middleware";
import { rule, shield } from "graphql-shield";
import { DataSource, EntitySchema } from "typeorm";

const text = (name) => ({ type: "text", name });
const Tenant = new EntitySchema({
  name: "Tenant",
  tableName: "tenants",
  columns: {
    rootId: { ...text("root_id"), primary: true },
    id: { ...text("id"), primary: true },
    kind: text("kind"),
    name: text("name"),
    createdAt: { type: "timestamptz", name: "created_at" },
  },
});
const Credential = new EntitySchema({
  name: "Credential",
  tableName: "credentials",
  columns: {
    rootId: { ...text("root_id"), primary: true },
    id: { ...text("id"), primary: true },
    ownerId: text("owner_id"),
    name: text("name"),
    program: text("program"),
    keyType: text("key_type"),
    keyId: text("key_id"),
    issuerId: text("issuer_id"),
    fingerprint: text("fingerprint"),
    createdAt: { type: "timestamptz", name: "created_at" },
    updatedAt: { type: "timestamptz", name: "updated_at" },
  },
  relations: {
    owner: {
      type: "many-to-one",
      target: "Tenant",
      joinColumn: [
        { name: "root_id", referencedColumnName: "rootId" },
        { name: "owner_id", referencedColumnName: "id" },
      ],
    },
  },
});

const dataSource = new DataSource({
  type: "postgres",
  url: process.argv[2],
  entities: [Tenant, Credential],
  poolSize: 20,
});
await dataSource.initialize();
const tenants = dataSource.getRepository(Tenant);
const credentials = dataSource.getRepository(Credential);

const typeDefs = `
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
const resolvers = {
  Query: {
    organization: (_, { id }) => tenants.findOneBy({ rootId: id, id }),
    subOrganization: (_, { id }, { rootId }) => tenants.findOneBy({ rootId, id }),
    credential: (_, { id }, { rootId }) => credentials.findOne({ where: { rootId, id }, relations: { owner: true } }),
  },
  Organization: {
    subOrganizations: async ({ id }, { first }) => ({
      nodes: await tenants.find({
        where: { rootId: id, kind: "SUB_ORGANIZATION" },
        order: { id: "ASC" },
        take: first,
      }),
    }),
  },
  SubOrganization: {
    credentials: async ({ rootId, id }, { first }) => ({
      nodes: await credentials.find({
        where: { rootId, ownerId: id },
        relations: { owner: true },
        order: { id: "ASC" },
        take: first,
      }),
    }),
  },
};

const isAuthenticated = rule({ cache: "contextual" })(() => true);
const permissions = shield({
  Query: { "*": isAuthenticated },
  Organization: isAuthenticated,
  SubOrganization: isAuthenticated,
  Credential: isAuthenticated,
});
const schema = applyMiddleware(makeExecutableSchema({ typeDefs, resolvers }), permissions);

const server = new ApolloServer({ schema });
await server.start();
const app = express();
app.use(
  "/graphql",
  express.json(),
  expressMiddleware(server, { context: async ({ req }) => ({ rootId: req.headers["x-organization"] }) }),
);
const http = createServer(app).listen(0, "127.0.0.1", () => {
  console.log(`listening at http://127.0.0.1:${http.address().port}`);
});
