import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { appleKey, readList } from "../../support/apple.js";
import { holding, query } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

const newKey = () => appleKey(server, acme, { devices: 2, certificates: 1, profiles: 0, bundleIds: 0, apps: 0 });
const read = ({ id }: { readonly id: string }) =>
  readList(server.ask, acme.owner, id, { list: "devices", maxAgeSeconds: 0 });

/** Whether something waits for a lock. */
async function somethingWaits(): Promise<boolean> {
  const [row] = await query<{ n: number }>(
    server.database.ownerUrl,
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  );
  return (row?.n ?? 0) > 0;
}

test("what Apple says of a key is kept while another's cannot be, and that is kept when it can", async () => {
  const [locked, free] = [await newKey(), await newKey()];
  const lock = `SELECT 1 FROM credentials WHERE id = '${locked.id}' FOR NO KEY UPDATE`; // As whoever rotates it.
  const waiting = await holding(server.database.ownerUrl, lock, async () => {
    const answer = read(locked);
    await eventually("what is told of the key that is locked waits for it", somethingWaits);
    expect((await read(free)).ids).toHaveLength(2);
    expect(await somethingWaits()).toBe(true);
    return { answer };
  });
  expect((await waiting.answer).ids).toHaveLength(2);
});
