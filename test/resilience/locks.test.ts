import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { AdvisoryLocks } from "../../src/database/advisory-lock.js";
import { makeDatabase, query, type TestDatabase } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { layLine, type Line } from "../support/faults/line.js";

let database: TestDatabase;
let line: Line;
let locks: AdvisoryLocks;
let others: AdvisoryLocks;

beforeAll(async () => {
  database = await makeDatabase();
  line = await layLine(database.serverUrl);
});
beforeEach(() => {
  locks = new AdvisoryLocks(line.through(database.serverUrl));
  others = new AdvisoryLocks(database.serverUrl);
});
afterEach(() => Promise.all([locks.close(), others.close()]));
afterAll(async () => {
  await line.close();
  await database.drop();
});

const isTaken = async (by: AdvisoryLocks, name: string): Promise<boolean> =>
  ((await by.acquire([name])).get(name) ?? null) !== null;

const sessions = async (): Promise<number> =>
  (
    await query(
      database.ownerUrl,
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'countersign locks'",
    )
  ).length;

/** Breaks the connection of the locks, and waits until PostgreSQL knows. */
async function breakLine(): Promise<void> {
  line.cut();
  await eventually("an end of the session", async () => (await sessions()) === 0);
}

describe("locks whose connection breaks", () => {
  test("stay with whoever has them in this process, and are taken again with the next connection", async () => {
    expect(await isTaken(locks, "one")).toBe(true);
    await breakLine();
    expect(await isTaken(locks, "one")).toBe(false);
    expect(await isTaken(locks, "two")).toBe(true); // By a new connection.
    expect(await isTaken(others, "one")).toBe(false);

    await locks.release(["one"]);
    expect(await isTaken(others, "one")).toBe(true);
    expect(await isTaken(others, "two")).toBe(false);
  });

  test("are free for others until then", async () => {
    expect(await isTaken(locks, "one")).toBe(true);
    await breakLine();
    expect(await isTaken(others, "one")).toBe(true);
    expect(await isTaken(locks, "two")).toBe(true);
    // Whoever had it gives back what it no longer has: that of others stays.
    await locks.release(["one"]);
    expect(await isTaken(locks, "one")).toBe(false);
    await others.release(["one"]);
    expect(await isTaken(locks, "one")).toBe(true);
  });

  test("are given back by that, and what was done under them is done all the same", async () => {
    const done = await locks.exclusively(
      "one",
      0,
      async () => {
        await breakLine();
        return "done";
      },
      () => "busy",
    );
    expect(done).toBe("done");
    expect(await isTaken(others, "one")).toBe(true);
  });

  test("leave no connection behind, however often that happens", async () => {
    for (let time = 0; time < 5; time += 1) {
      expect(await isTaken(locks, `lock ${time}`)).toBe(true);
      await breakLine();
    }
    expect(await isTaken(locks, "another")).toBe(true);
    expect(await sessions()).toBe(1);
    await locks.close();
    await eventually("an end of the session", async () => (await sessions()) === 0);
    expect(await isTaken(others, "lock 0")).toBe(true);
  });
});
