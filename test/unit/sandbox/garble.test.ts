import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Failure } from "../../../src/sandbox/failure.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { NewKey } from "../../../src/sandbox/team/key.js";
import { call, callWith, tokenFor } from "./caller.js";
import { comparable, fixture, hasSpecification } from "./specification.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** A key of a team of 25 devices, whose calls fail so. */
async function keyThatMeets(failure: Failure, times: number | "always" = "always"): Promise<NewKey> {
  const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 25 } });
  sandbox.failNext({ match: { keyId: key.keyId }, times, failure });
  return key;
}

const LIST = "/v1/devices?limit=20&sort=name";

describe("pages that go wrong", () => {
  test("lead to the same page again and again", async () => {
    const key = await keyThatMeets({ kind: "repeat-next" });
    const first = await call(sandbox.url, key, LIST);
    const second = await call(sandbox.url, key, first.body.links.next ?? "");

    expect(second.body).toEqual(first.body);
    expect(first.body.links.next).toBe(sandbox.url + LIST);
  });

  test("repeat a page once, and then go on", async () => {
    const key = await keyThatMeets({ kind: "repeat-next" }, 1);
    const first = await call(sandbox.url, key, LIST);
    const again = await call(sandbox.url, key, first.body.links.next ?? "");
    const last = await call(sandbox.url, key, again.body.links.next ?? "");
    expect(again.body.data).toEqual(first.body.data);
    expect(last.body.data).toHaveLength(5);
  });

  test("go on although everything was fetched, to a page of nothing", async () => {
    const key = await keyThatMeets({ kind: "extra-next" });
    const first = await call(sandbox.url, key, LIST);
    const last = await call(sandbox.url, key, first.body.links.next ?? "");
    const beyond = await call(sandbox.url, key, last.body.links.next ?? "");

    expect([first, last, beyond].map(({ body }) => body.data.length)).toEqual([20, 5, 0]);
    expect(beyond.body.meta.paging.total).toBe(25);
    expect(beyond.body.links.next).toBeDefined();
  });

  test("refuse the cursor that was just given out, and not the page before it", async () => {
    const key = await keyThatMeets({ kind: "bad-cursor" }, 1);
    const first = await call(sandbox.url, key, LIST);
    const refused = await call(sandbox.url, key, first.body.links.next ?? "");
    const again = await call(sandbox.url, key, first.body.links.next ?? "");

    expect([first, refused, again].map(({ status }) => status)).toEqual([200, 400, 200]);
    if (hasSpecification) {
      expect(comparable(refused.body)).toEqual(comparable(fixture("errors/400-cursor-invalid.json")));
    }
  });

  test("count more than there is, or not at all", async () => {
    const missing = await call(sandbox.url, await keyThatMeets({ kind: "missing-rows" }), "/v1/devices?limit=200");
    const silent = await call(sandbox.url, await keyThatMeets({ kind: "no-total" }), LIST);

    expect(missing.body.data).toHaveLength(25);
    expect(missing.body.meta.paging).toEqual({ total: 26, limit: 200 });
    expect(missing.body.links).not.toHaveProperty("next");
    expect(silent.body.meta.paging).toEqual({ limit: 20 });
    expect(silent.body.links.next).toBeDefined();
  });

  test.each(["repeat-next", "extra-next", "missing-rows", "no-total"] as const)(
    "say nothing of the kind %s where there are no pages, or an error",
    async (kind) => {
      const key = await keyThatMeets({ kind });
      const id = sandbox.team(key.teamId).devices[0]?.id ?? "";
      const one = await call<object>(sandbox.url, key, `/v1/devices/${id}`);
      const error = await call(sandbox.url, key, "/v1/devices?limit=0");
      expect([one.status, error.status]).toEqual([200, 400]);
      expect(one.body).not.toHaveProperty("meta");
      expect(one.body).not.toHaveProperty("links.next");
    },
  );
});

describe("values that go wrong", () => {
  test("are numbers and objects where texts are due, and lists where objects are", async () => {
    const key = await keyThatMeets({ kind: "wrong-types" });
    const { body } = await call<{ data: { attributes: Record<string, unknown>; relationships: unknown }[] }>(
      sandbox.url,
      key,
      "/v1/profiles?limit=1&fields[profiles]=name,uuid,profileType,platform,bundleId",
    );
    expect(body.data[0]?.attributes).toEqual({
      name: 42,
      uuid: 42,
      platform: 42,
      profileType: { value: "profileType" },
    });
    expect(body.data[0]?.relationships).toEqual([]);
  });

  test("are a list where a single thing is due", async () => {
    const key = await keyThatMeets({ kind: "wrong-types" }, 1);
    const path = `/v1/devices/${sandbox.team(key.teamId).devices[0]?.id ?? ""}`;
    const wrong = await call<{ data: unknown }>(sandbox.url, key, path);
    const right = await call<{ data: unknown }>(sandbox.url, key, path);
    expect([Array.isArray(wrong.body.data), Array.isArray(right.body.data)]).toEqual([true, false]);
  });
});

describe("an answer that trickles", () => {
  test("is the true one, and whole, for who waits", async () => {
    const key = await keyThatMeets({ kind: "trickle", delayMs: 0 }, 1);
    const path = "/v1/devices?limit=1&fields[devices]=name";
    const slowly = await call(sandbox.url, key, path);
    const atOnce = await call(sandbox.url, key, path);
    expect(slowly.body).toEqual(atOnce.body);
  });

  test("starts at once, and does not keep the sandbox from closing", async () => {
    const own = await startSandbox();
    const key = await own.registerKey({ program: "app-store" });
    own.failNext({ failure: { kind: "trickle", delayMs: 3_600_000 } });
    const response = await fetch(`${own.url}/v1/devices`, {
      headers: { authorization: `Bearer ${await tokenFor(key)}` },
    });
    const text = response.text();
    const failed = expect(text).rejects.toThrow("terminated");
    await own.close();

    expect(response.status).toBe(200);
    await failed;
  });
});

describe("a team of many", () => {
  test("has profiles of more than fifty devices, and lists of more than 200", async () => {
    const contents = { devices: 240, profiles: 250 };
    const key = await sandbox.registerKey({ program: "app-store", contents });
    const authorization = `Bearer ${await tokenFor(key)}`;
    const [, development] = sandbox.team(key.teamId).profiles;
    const path = "/v1/profiles?limit=200&fields[profiles]=name,devices&include=devices&limit[devices]=50";
    const page = await callWith(sandbox.url, authorization, path);
    const shown = page.body.data.find(({ id }) => id === development?.id)?.relationships?.["devices"];
    const all = `/v1/profiles/${development?.id ?? ""}/devices?limit=200&fields[devices]=udid`;

    expect(page.body.data).toHaveLength(200);
    expect(page.body.links.next).toBeDefined();
    expect(shown?.data).toHaveLength(50);
    expect(shown?.meta?.paging).toEqual({ total: 120, limit: 50 });
    expect((await callWith(sandbox.url, authorization, all)).body.data).toHaveLength(120);
  });
});
