import { describe, expect, test } from "@jest/globals";
import { documentOf, type AppleDocument } from "../../../src/apple/document.js";
import { errorOf, type AppleError } from "../../../src/apple/error.js";
import { everyPage, PAGE_ROWS, PAGES } from "../../../src/apple/listing.js";

const HOST = "https://apple.example";
const FIRST = new URL(`${HOST}/v1/devices?limit=200`);

interface Page {
  readonly ids: readonly string[];
  readonly next?: string | null;
  readonly total?: number;
  readonly included?: readonly string[];
}

const documentWith = ({ ids, next = null, total, included = [] }: Page): AppleDocument =>
  documentOf({
    data: ids.map((id) => ({ type: "devices", id })),
    included: included.map((id) => ({ type: "things", id })),
    links: { next },
    meta: { paging: { total, limit: 200 } },
  });

/** Apple, with a page for each address behind the origin; an address that is not there is refused as a cursor. */
function appleWith(pages: Readonly<Record<string, Page | AppleError>>) {
  const asked: string[] = [];
  const fetch = (url: URL): Promise<AppleDocument> => {
    const address = url.href.slice(HOST.length);
    asked.push(address);
    const page = pages[address] ?? refusedCursor();
    return page instanceof Error ? Promise.reject(page) : Promise.resolve(documentWith(page));
  };
  return {
    asked,
    all: async (first = FIRST): Promise<string[]> => (await everyPage(first, fetch)).data.map(({ id }) => id),
    whole: () => everyPage(FIRST, fetch),
  };
}

const answered = (status: number, code: string): AppleError =>
  errorOf({ status, body: { errors: [{ code }] }, isChange: false, clockSkewSeconds: null });
const refusedCursor = (): AppleError => answered(400, "PARAMETER_ERROR.INVALID");

const first = "/v1/devices?limit=200";
const page = (n: number): string => `/v1/devices?page=${n}`;
const next = (n: number): string => `${HOST}${page(n)}`;
const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, index) => `${from + index}`);
const [up, down] = ["/v1/devices?limit=200&sort=id", "/v1/devices?limit=200&sort=-id"];

describe("the pages of a list", () => {
  test("are followed as Apple says, to the last", async () => {
    const apple = appleWith({
      [first]: { ids: ["1"], next: next(2), total: 3 },
      [page(2)]: { ids: ["2"], next: next(3), total: 3 },
      [page(3)]: { ids: ["3"], total: 3 },
    });
    expect(await apple.all()).toEqual(["1", "2", "3"]);
    expect(apple.asked).toEqual([first, page(2), page(3)]);
  });

  test("are a single one where the list is short, or empty", async () => {
    expect(await appleWith({ [first]: { ids: ["1"], total: 1 } }).all()).toEqual(["1"]);
    expect(await appleWith({ [first]: { ids: [], total: 0 } }).all()).toEqual([]);
    expect(await appleWith({ [first]: { ids: [] } }).all()).toEqual([]);
  });

  test("are followed to the last where Apple does not say how many rows there are", async () => {
    const apple = appleWith({ [first]: { ids: ["1"], next: next(2) }, [page(2)]: { ids: ["2"] } });
    expect(await apple.all()).toEqual(["1", "2"]);
  });

  test("give more than 200 rows in Apple's order, with what came included of each", async () => {
    const apple = appleWith({
      [first]: { ids: ids(0, PAGE_ROWS), next: next(2), total: 450, included: ["a", "b"] },
      [page(2)]: { ids: ids(200, PAGE_ROWS), next: next(3), total: 450, included: ["b", "c"] },
      [page(3)]: { ids: ids(400, 50), total: 450, included: ["d"] },
    });
    const { data, included } = await apple.whole();
    expect(data.map(({ id }) => id)).toEqual(ids(0, 450));
    expect([...included.keys()]).toEqual(["things:a", "things:b", "things:c", "things:d"]);
    expect(apple.asked).toHaveLength(3);
  });

  test("give each row once, where it was first seen", async () => {
    const apple = appleWith({
      [first]: { ids: ["1", "2", "1"], next: next(2), total: 3 },
      [page(2)]: { ids: ["2", "3"], total: 3 },
    });
    expect(await apple.all()).toEqual(["1", "2", "3"]);
  });

  test("end where all was fetched, though Apple names a next one", async () => {
    const apple = appleWith({
      [first]: { ids: ["1"], next: next(2), total: 2 },
      [page(2)]: { ids: ["2"], next: next(3), total: 2 },
    });
    expect(await apple.all()).toEqual(["1", "2"]);
    expect(apple.asked).toEqual([first, page(2)]);
  });

  test("end where all was fetched, and nobody looks where the next one would lie", async () => {
    expect(await appleWith({ [first]: { ids: ["1"], next: "https://elsewhere.example/", total: 1 } }).all()).toEqual([
      "1",
    ]);
  });

  test("take the newest word for how many there are: a row that is deleted meanwhile is not missed", async () => {
    const apple = appleWith({
      [first]: { ids: ["1", "2"], next: next(2), total: 4 },
      [page(2)]: { ids: ["4"], total: 3 },
    });
    expect(await apple.all()).toEqual(["1", "2", "4"]);
  });

  test.each<[string, string]>([
    ["on another host", "https://elsewhere.example/v1/devices?page=2"],
    ["on the same host by another scheme", "http://apple.example/v1/devices?page=2"],
    ["on another port of the host", "https://apple.example:8443/v1/devices?page=2"],
    ["of a host that only begins alike", "https://apple.example.evil.example/v1/devices?page=2"],
    ["that is no address", "/v1/devices?page=2"],
    ["that is empty", ""],
  ])("fail at a next one %s, which is not asked for", async (_, foreign) => {
    const apple = appleWith({ [first]: { ids: ["1"], next: foreign, total: 2 } });
    await expect(apple.all()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toEqual([first]);
  });

  test.each<[string, AppleError]>([
    ["an outage", answered(503, "UNEXPECTED_ERROR")],
    ["a spent budget", answered(429, "RATE_LIMIT_EXCEEDED")],
    ["a refusal of something else", answered(400, "ENTITY_ERROR")],
    ["a page that is gone", answered(404, "NOT_FOUND")],
  ])("fail as one with a page that fails: %s", async (_, error) => {
    const apple = appleWith({ [first]: { ids: ["1"], next: next(2), total: 2 }, [page(2)]: error });
    await expect(apple.all()).rejects.toBe(error);
    expect(apple.asked).toEqual([first, page(2)]);
  });

  test("fail where the first is refused, which has no cursor", async () => {
    const apple = appleWith({});
    await expect(apple.all()).rejects.toMatchObject({ status: 400 });
    expect(apple.asked).toEqual([first]);
  });
});

describe("pages that do not lead to the whole list", () => {
  const circle = {
    [first]: { ids: ["1"], next: next(2), total: 4 },
    [page(2)]: { ids: ["2"], next: next(2), total: 4 },
  };

  test("lead to it from both ends where a cursor is refused", async () => {
    const apple = appleWith({
      [first]: { ids: ids(1, 200), next: next(2), total: 350 },
      [up]: { ids: ids(1, 200), next: next(2), total: 350 },
      [down]: { ids: ids(151, 200).reverse(), next: next(2), total: 350 },
    });
    expect((await apple.all()).sort((a, b) => Number(a) - Number(b))).toEqual(ids(1, 350));
    expect(apple.asked).toEqual([first, page(2), up, down]);
  });

  test("lead to it from both ends where they lead in a circle", async () => {
    const apple = appleWith({
      ...circle,
      [up]: { ids: ["1", "2", "3"], total: 4 },
      [down]: { ids: ["4", "3"], total: 4 },
    });
    expect(await apple.all()).toEqual(["1", "2", "3", "4"]);
    expect(apple.asked).toEqual([first, page(2), up, down]);
  });

  test("lead to it from one end where that is enough", async () => {
    const apple = appleWith({ ...circle, [up]: { ids: ["1", "2", "3", "4"], total: 4 } });
    expect(await apple.all()).toEqual(["1", "2", "3", "4"]);
    expect(apple.asked).toEqual([first, page(2), up]);
  });

  test("fail where rows are missing from both ends too: a part is never taken for the whole", async () => {
    const apple = appleWith({
      [first]: { ids: ["1", "2"], total: 3 },
      [up]: { ids: ["1", "2"], total: 3 },
      [down]: { ids: ["2", "1"], total: 3 },
    });
    await expect(apple.all()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toEqual([first, up, down]);
  });

  test("fail where both ends do not meet", async () => {
    const apple = appleWith({
      [first]: { ids: ids(1, 200), next: next(2), total: 500 },
      [up]: { ids: ids(1, 200), total: 500 },
      [down]: { ids: ids(301, 200).reverse(), total: 500 },
    });
    await expect(apple.all()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
  });

  test("fail with what an end fails with", async () => {
    const apple = appleWith({ ...circle, [up]: answered(503, "UNEXPECTED_ERROR") });
    await expect(apple.all()).rejects.toMatchObject({ status: 503 });
  });

  test("lead to it where Apple does not say how many there are, and both ends meet", async () => {
    const apple = appleWith({
      [first]: { ids: ids(1, 200), next: next(2) },
      [up]: { ids: ids(1, 200), next: next(2) },
      [down]: { ids: ids(200, 200).reverse(), next: next(2) },
    });
    expect((await apple.all()).sort((a, b) => Number(a) - Number(b))).toEqual(ids(1, 399));
  });

  test("fail where Apple does not say how many there are, and both ends do not meet", async () => {
    const apple = appleWith({
      [first]: { ids: ids(1, 200), next: next(2) },
      [up]: { ids: ids(1, 200), next: next(2) },
      [down]: { ids: ids(201, 200).reverse(), next: next(2) },
    });
    await expect(apple.all()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
  });

  test("have no other end where the list belongs to a thing: it cannot be sorted", async () => {
    const own = "/v1/profiles/P1/devices?limit=200";
    const apple = appleWith({ [own]: { ids: ["1"], next: next(2), total: 2 } });
    await expect(apple.all(new URL(`${HOST}${own}`))).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toEqual([own, page(2)]);
  });

  test("are followed no further than any team has them", async () => {
    let asked = 0;
    const endless = (url: URL): Promise<AppleDocument> => {
      asked += 1;
      const n = Number(url.searchParams.get("page") ?? 1);
      if (url.searchParams.has("sort")) return Promise.reject(answered(503, "UNEXPECTED_ERROR"));
      return Promise.resolve(documentWith({ ids: [`${n}`], next: next(n + 1), total: 1_000_000 }));
    };
    await expect(everyPage(FIRST, endless)).rejects.toMatchObject({ status: 503 });
    expect(asked).toBe(PAGES + 1);
  });
});
