import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { inPreparedTransaction } from "../../src/database/tenancy.js";
import * as chain from "../../src/services/audit/chain.js";
import { record, THE_SERVER } from "../../src/services/audit.js";
import { deskIn } from "../api/audit/desk.js";
import { append, keepLogs } from "../support/chain.js";
import { query } from "../support/database.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));

let server: TestServer;
let acme: Story;
let globex: Story;
/** What the server logged. */
const log: string[] = [];
/** PostgreSQL's code for transactions that wait for each other. */
const DEADLOCK = '"40P01"';

beforeAll(async () => {
  server = await startTestServer({}, pino({ level: "error", base: null }, { write: (line) => void log.push(line) }));
  [acme, globex] = [await seed(server), await seed(server, "Globex")];
});
afterAll(() => server.close());

/** Runs the built command line against the test's database. */
async function run(...args: string[]) {
  const env = { PATH: process.env["PATH"], ...server.environment };
  const child = spawn(process.execPath, [MAIN, "audit", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...output, lines: output.stdout.split("\n").slice(0, -1) };
}

const look = ({ organizationId: id }: Story): Promise<chain.ChainReport> =>
  chain.verify(server.platform.dataSource, { id, name: "" });

describe("whoever writes at the same time", () => {
  const rename = (story: Story, subOrganizationId: string, name: string) =>
    mutate(server, story.owner, "updateSubOrganization", "subOrganization { id }", { subOrganizationId, name });

  test("makes one unbroken chain of an organization, whose entries are all there", async () => {
    const subs = await Promise.all(Array.from({ length: 5 }, (_, n) => acme.subOrganization(`Parallel ${n}`)));
    const before = (await look(acme)).entries;
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => rename(acme, subs[n % 5] ?? "", `Renamed ${n}`)),
    );
    expect(outcomes.filter(({ denied, refused }) => denied !== null || refused !== null)).toEqual([]);
    expect(await look(acme)).toMatchObject({ entries: before + 50, fault: null });
  });

  test("in two organizations makes one of each", async () => {
    const both = [acme, globex];
    const subs = await Promise.all(both.map((story) => story.subOrganization("Both")));
    const before = await Promise.all(both.map(look));
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => rename(both[n % 2] ?? acme, subs[n % 2] ?? "", `Both ${n}`)),
    );
    expect(outcomes.filter(({ denied, refused }) => denied !== null || refused !== null)).toEqual([]);
    const after = await Promise.all(both.map(look));
    expect(after.map(({ fault }) => fault)).toEqual([null, null]);
    expect(after.map(({ entries }, n) => entries - (before[n]?.entries ?? 0))).toEqual([25, 25]);
  });

  test("for several organizations in one statement never waits for whoever does so in the other order", async () => {
    const of = (story: Story) => ({ rootId: story.organizationId, id: story.organizationId });
    const roots = [acme.organizationId, globex.organizationId];
    const both = (stories: readonly Story[]) =>
      inPreparedTransaction(server.platform.readPool, { roots, tenants: roots }, (unit) => {
        for (const story of stories) record(unit, THE_SERVER, { tenant: of(story), action: "test.noted" });
        return Promise.resolve();
      });
    const orders = [
      [acme, globex],
      [globex, acme],
    ] as const;
    await Promise.all(Array.from({ length: 20 }, (_, n) => both(orders[n % 2] ?? orders[0])));
    expect((await Promise.all([look(acme), look(globex)])).map(({ fault }) => fault)).toEqual([null, null]);
  });

  test("and keeps the same profiles keeps each once, and neither waits for the other", async () => {
    const desk = deskIn(server, acme, await acme.subOrganization("Keeping"));
    const { id: credentialId, team } = await desk.key();
    const appleIds = team.profiles.filter(({ attributes }) => attributes.profileState === "ACTIVE").map(({ id }) => id);
    const keep = (ids: readonly string[]) =>
      mutate<{ provisioningProfiles: { id: string }[] }>(
        ...[server, acme.owner, "keepProvisioningProfiles", "provisioningProfiles { id }"],
        { tenantId: desk.web, credentialId, appleIds: ids },
      );
    const outcomes = await Promise.all([appleIds, [...appleIds].reverse(), appleIds].map(keep));
    const ids = outcomes.map(({ payload }) => payload?.provisioningProfiles.map(({ id }) => id).sort());
    expect(appleIds.length).toBeGreaterThan(1);
    expect([ids[1], ids[2]]).toEqual([ids[0], ids[0]]);
    const kept = await query(server.database.ownerUrl, [
      "SELECT subject_id FROM audit_events WHERE action = 'provisioning_profile.kept' AND tenant_id = $1",
      [desk.web],
    ]);
    expect(kept).toHaveLength(appleIds.length);
    expect((await look(acme)).fault).toBeNull();
  });

  test("of all kinds at once never waits for whoever waits for it", async () => {
    const desk = deskIn(server, acme, await acme.subOrganization("Storm"));
    const [memberId, own, shared] = [await desk.member(), await desk.key(), await desk.key(desk.root)];
    const member = await mutate<{ member: { id: string } }>(
      ...([server, acme.owner, "addMember", "member { id }"] as const),
      { tenantId: desk.root, email: "storm@acme.example", roles: ["OPERATOR"] },
    );
    const devices = `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { devices { nodes { appleId } } } } }`;
    const appleIds = own.team.profiles.map(({ id }) => id);
    const certificate = { tenantId: desk.web, credentialId: own.id, type: "DEVELOPMENT" };
    const change = (name: string, input: Record<string, unknown>) =>
      mutate(server, acme.owner, name, "clientMutationId", input).then(({ denied }) => denied);
    const read = (id: string) =>
      server.ask(acme.owner, devices, { id }).then(({ errors }) => errors?.[0]?.extensions.code ?? null);
    const round = (n: number) => [
      change("updateMember", { memberId, roles: [n % 2 === 0 ? "VIEWER" : "OPERATOR"] }),
      change("updateMember", { memberId: member.payload?.member.id, roles: [n % 2 === 0 ? "VIEWER" : "OPERATOR"] }),
      change("updateOrganization", { organizationId: desk.root, name: `Acme ${n}` }),
      change("share", { subjectId: shared.id, subOrganizationIds: [desk.web] }),
      change("keepProvisioningProfiles", { tenantId: desk.web, credentialId: own.id, appleIds }),
      change("createCertificate", certificate),
      ...[read(own.id), read(shared.id)],
    ];
    const codes = await Promise.all(Array.from({ length: 8 }, (_, n) => round(n)).flat());
    await mutate(server, acme.owner, "updateOrganization", "clientMutationId", {
      organizationId: desk.root,
      name: "Acme",
    });
    expect(codes).toContain(null);
    expect(log.filter((line) => line.includes(DEADLOCK))).toEqual([]);
    expect((await look(acme)).fault).toBeNull();
  });

  test("while the chain is verified is not taken for whoever tampers with it", async () => {
    const sub = await acme.subOrganization("Busy");
    const until = { isOver: false };
    const writing = (async () => {
      for (let n = 0; !until.isOver; n += 1) await rename(acme, sub, `Busy ${n}`);
    })();
    const reports: chain.ChainReport[] = [];
    for (let n = 0; n < 20; n += 1) reports.push(await look(acme));
    until.isOver = true;
    await writing;
    expect(reports.map(({ fault }) => fault)).toEqual(reports.map(() => null));
    expect(reports.at(-1)?.entries).toBeGreaterThan(reports[0]?.entries ?? 0);
  });
});

describe("countersign audit verify", () => {
  test("says of every organization that its log is unchanged, and ends with status 0", async () => {
    await query(server.database.ownerUrl, [
      "UPDATE tenants SET name = $2 WHERE id = $1",
      [globex.organizationId, "Globex\u202e"],
    ]);
    const { status, stderr, lines } = await run("verify");
    expect([status, stderr]).toEqual([0, ""]);
    const heads = await Promise.all([look(acme), look(globex)]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      new RegExp(
        `^✓ Acme \\(${acme.organizationId}\\): [\\d,]+ entries, unchanged; the last hash is ${heads[0].head}$`,
      ),
    );
    // A name cannot turn the terminal around.
    expect(lines[1]).toContain("Globex");
    expect(lines[1]).not.toContain("\u202e");
  });

  test("of one organization, as JSON", async () => {
    const { status, stdout } = await run("verify", "--organization", globex.organizationId, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      { ...(await look(globex)), name: expect.stringContaining("Globex") as unknown },
    ]);
  });

  test("names the first entry that was tampered with, and ends with status 1", async () => {
    const restore = await keepLogs(server);
    await query(server.database.ownerUrl, [
      "UPDATE audit_events SET actor_label = 'Nobody' WHERE root_id = $1 AND seq = 3",
      [acme.organizationId],
    ]);
    const [found, json, other] = await Promise.all([
      run("verify"),
      run("verify", "--json"),
      run("verify", "--organization", globex.organizationId),
    ]);
    await restore();
    expect(found.status).toBe(1);
    expect(found.lines[0]).toMatch(
      new RegExp(
        `^✗ Acme \\(${acme.organizationId}\\): entry 3 \\(aud_\\w{26}\\) was changed, put in or moved.*; the 2 entries before it are unchanged$`,
      ),
    );
    expect(found.lines[1]).toMatch(/^✓ Globex/);
    const [report] = JSON.parse(json.stdout) as chain.ChainReport[];
    expect([json.status, report?.fault?.seq, report?.entries]).toEqual([1, 3, 2]);
    expect(other.status).toBe(0);
  });

  test("of an organization that there is not is refused", async () => {
    const commands = [
      run("verify", "--organization", "org_01h455vb4pex5vsknk084sn02q"),
      run("export", "--organization", "'"),
    ];
    for (const { status, stdout, stderr } of await Promise.all(commands)) {
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toContain("There is no such organization.");
    }
  });
});

describe("countersign audit export", () => {
  test("prints every entry as one line of JSON, in the order of the chain", async () => {
    await append(server, acme.organizationId, [
      { details: { text: "\u2028 line\nbreaks\r and 'quotes' \"", deep: { list: [1, null, "ü"] } }, subject: null },
      ...Array.from({ length: 2_100 }, (_, n) => ({ details: { n } })),
    ]);
    const { status, stderr, lines } = await run("export");
    expect([status, stderr]).toEqual([0, ""]);
    const entries = lines.map((line) => JSON.parse(line) as chain.ChainedEntry & { seq: number; details: unknown });
    const stored = await query<{ n: number }>(server.database.ownerUrl, "SELECT count(*)::int AS n FROM audit_events");
    expect(entries).toHaveLength(stored[0]?.n ?? -1);
    for (const story of [acme, globex]) {
      const own = entries.filter(({ rootId }) => rootId === story.organizationId);
      expect(own.map(({ seq }) => seq)).toEqual(own.map((_, n) => n + 1));
      expect(own.at(-1)?.hash).toBe((await look(story)).head);
    }
    expect(Object.keys(entries[0] ?? {}).sort()).toEqual([
      ...[
        "action",
        "actorId",
        "actorLabel",
        "at",
        "details",
        "hash",
        "id",
        "ipAddress",
        "outcome",
        "requestId",
        "rootId",
      ],
      ...["seq", "subjectId", "subjectLabel", "tenantId"],
    ]);
    const text = entries.find(({ details }) => JSON.stringify(details).includes("quotes"));
    expect(text?.details).toEqual({
      text: "\u2028 line\nbreaks\r and 'quotes' \"",
      deep: { list: [1, null, "ü"] },
    });
  });

  test("of one organization holds nothing of another", async () => {
    const { status, lines } = await run("export", "--organization", globex.organizationId);
    expect(status).toBe(0);
    expect(lines.length).toBeGreaterThan(25);
    expect(lines.every((line) => line.includes(globex.organizationId) && !line.includes(acme.organizationId))).toBe(
      true,
    );
  });

  test("ends quietly where nobody reads on", async () => {
    const env = { PATH: process.env["PATH"], ...server.environment };
    const child = spawn("sh", ["-c", `"${process.execPath}" "${MAIN}" audit export | head -n 1`], { env });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    await once(child, "close");
    expect(errors).not.toMatch(/ +at /);
  });
});
