import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import { ReadSession } from "../../../src/database/tenancy.js";
import { Deadline } from "../../../src/server/deadline.js";

const over = async (deadline: Deadline): Promise<unknown> => {
  if (!deadline.signal.aborted) await once(deadline.signal, "abort");
  return deadline.signal.reason;
};

describe("a deadline", () => {
  test("ends with what the client is told", async () => {
    expect(await over(new Deadline(1))).toMatchObject({
      code: "TOO_COMPLEX",
      message: "The query took longer than 0.001 s: ask for less at a time.",
    });
  });

  test("that is lifted does not end", async () => {
    const [lifted, other] = [new Deadline(1), new Deadline(1)];
    lifted.lift();
    await over(other);
    expect(lifted.signal.aborted).toBe(false);
  });

  test("is over for all at once, though a timer may end early", async () => {
    for (let round = 0; round < 500; round += 1) {
      const deadline = new Deadline(1);
      await over(deadline);
      expect(() => {
        deadline.check();
      }).toThrow("took longer");
    }
  });

  test("that is over keeps a request from reading on", async () => {
    const deadline = new Deadline(1);
    const pool = new pg.Pool({ connectionString: "postgres://nobody@127.0.0.1:1/none" });
    const reads = new ReadSession(pool, { roots: [], tenants: [] }, deadline);
    await over(deadline);
    await expect(reads.rows({ name: "none", text: "SELECT 1" }, [])).rejects.toMatchObject({ code: "TOO_COMPLEX" });
    await pool.end();
  });
});
