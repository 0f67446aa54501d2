import { describe, expect, test } from "@jest/globals";
import { Turnstile } from "../../../../src/apple/http/turnstile.js";

const never = new AbortController().signal;

/** Calls through a turnstile that end when they are told to, and the order in which they began. */
function calls(turnstile: Turnstile) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    start: (name: string, by: string, key = "key", signal = never): Promise<void> =>
      turnstile.run(key, by, signal, () => {
        begun.push(name);
        return new Promise((resolve) => ends.set(name, resolve));
      }),
    end: async (name: string): Promise<void> => {
      await settled();
      ends.get(name)?.();
      await settled();
    },
  };
}

/** Waits until whoever can go on has. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a turnstile", () => {
  test("lets so many at once through for a key, and those of another key beside them", async () => {
    const { begun, start, end } = calls(new Turnstile(2));
    const running = [start("1", "acme"), start("2", "acme"), start("3", "acme"), start("other", "acme", "another key")];
    await settled();
    expect(begun).toEqual(["1", "2", "other"]);
    await end("1");
    expect(begun).toEqual(["1", "2", "other", "3"]);
    for (const name of ["2", "3", "other"]) await end(name);
    await Promise.all(running);
  });

  test("gives what a call gives, and lets the next through where one fails", async () => {
    const turnstile = new Turnstile(1);
    const failing = turnstile.run("key", "acme", never, () => Promise.reject(new Error("It failed")));
    const next = turnstile.run("key", "acme", never, () => Promise.resolve("next"));
    await expect(failing).rejects.toThrow("It failed");
    expect(await next).toBe("next");
  });

  test("serves tenants in turn: one with many calls holds up another's one by a single call", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const running = [start("first", "many")];
    for (const name of ["many 1", "many 2", "many 3", "many 4"]) running.push(start(name, "many"));
    running.push(start("one", "another"));
    await settled();
    for (const name of ["first", "many 1", "one", "many 2", "many 3", "many 4"]) await end(name);
    await Promise.all(running);
    expect(begun).toEqual(["first", "many 1", "one", "many 2", "many 3", "many 4"]);
  });

  test("serves three tenants one after another, each in the order in which its calls came", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const running = [start("first", "a")];
    for (const name of ["a1", "a2", "a3", "b1", "b2", "c1"]) running.push(start(name, name.slice(0, 1)));
    const order = ["first", "a1", "b1", "c1", "a2", "b2", "a3"];
    for (const name of order) await end(name);
    await Promise.all(running);
    expect(begun).toEqual(order);
  });

  test("lets nobody through who has given up while waiting, and goes on with the next", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const impatient = new AbortController();
    const first = start("first", "acme");
    const gone = start("gone", "acme", "key", impatient.signal);
    const behind = start("behind", "acme");
    impatient.abort(new Error("It took too long"));
    await expect(gone).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    await end("first");
    expect(begun).toEqual(["first", "behind"]);
    await end("behind");
    await Promise.all([first, behind]);
    // Nothing is left of it: as many as ever are let through.
    const later = start("later", "acme");
    await settled();
    expect(begun).toEqual(["first", "behind", "later"]);
    await end("later");
    await later;
  });

  test("lets others through where all of a tenant's have given up", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const impatient = new AbortController();
    const first = start("first", "acme");
    const gone = start("gone", "acme", "key", impatient.signal);
    const other = start("other", "another");
    impatient.abort();
    await expect(gone).rejects.toThrow();
    await end("first");
    await end("other");
    await Promise.all([first, other]);
    expect(begun).toEqual(["first", "other"]);
  });

  test("lets nobody in who has given up before: it neither runs nor waits", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const aborted = AbortSignal.abort(new Error("Too late"));
    await expect(start("free", "acme", "key", aborted)).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    const first = start("first", "acme");
    await expect(start("taken", "acme", "key", aborted)).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    await end("first");
    await first;
    expect(begun).toEqual(["first"]);
  });

  test("heeds no one who gives up when it is through", async () => {
    const { begun, start, end } = calls(new Turnstile(1));
    const controller = new AbortController();
    const running = start("running", "acme", "key", controller.signal);
    const next = start("next", "acme", "key", controller.signal);
    await end("running");
    controller.abort();
    await end("next");
    await Promise.all([running, next]);
    expect(begun).toEqual(["running", "next"]);
  });
});
