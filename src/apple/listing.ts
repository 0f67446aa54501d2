import type { AppleDocument, AppleResource } from "./document.js";
import { AppleError, says, unexpected } from "./error.js";

/** Rows of a page: Apple's most. */
export const PAGE_ROWS = 200;
/** Pages followed at most: 200 of 200 rows are more than any team holds. */
export const PAGES = 200;

/** A whole list: each row once, in Apple's order, and what came included. */
export interface AppleListing {
  readonly data: readonly AppleResource[];
  readonly included: AppleDocument["included"];
}

/**
 * Follows `links.next` as it is, on the same origin only. Seen in practice: `next` though everything was fetched, one
 * that leads in a circle, and a cursor that Apple has just made and refuses. Then the list is taken from both ends,
 * which is all of it where they meet. Throws AppleError rather than give a part for the whole.
 */
export async function everyPage(first: URL, fetch: (url: URL) => Promise<AppleDocument>): Promise<AppleListing> {
  const listing = new Listing();
  if (await follow(first, fetch, listing)) return listing;
  if (await fromBothEnds(first, fetch, listing)) return listing;
  throw unexpected("Apple's pages do not lead to the whole list.");
}

class Listing implements AppleListing {
  readonly #rows = new Map<string, AppleResource>();
  readonly included = new Map<string, AppleResource>();
  /** How many there are, as Apple last said it; null where it did not. */
  total: number | null = null;

  get data(): readonly AppleResource[] {
    return [...this.#rows.values()];
  }

  add({ data, included, total }: AppleDocument): void {
    for (const row of data) if (!this.#rows.has(row.id)) this.#rows.set(row.id, row);
    for (const [name, row] of included) this.included.set(name, row);
    this.total = total;
  }

  get isWhole(): boolean {
    return this.total !== null && this.#rows.size >= this.total;
  }
}

/** Whether following the pages led to the end of the list. */
async function follow(first: URL, fetch: (url: URL) => Promise<AppleDocument>, listing: Listing): Promise<boolean> {
  const seen = new Set<string>();
  for (let url = first; !seen.has(url.href) && seen.size < PAGES;) {
    seen.add(url.href);
    let page: AppleDocument;
    try {
      page = await fetch(url);
    } catch (error) {
      if (url !== first && isRefusedCursor(error)) return false;
      throw error;
    }
    listing.add(page);
    if (listing.isWhole) return true;
    const next = nextOf(page, first);
    if (next === null) return listing.total === null;
    url = next;
  }
  return false;
}

/** Whether the first pages of the list and of its reverse are all of it. Only lists that can be sorted have them. */
async function fromBothEnds(
  first: URL,
  fetch: (url: URL) => Promise<AppleDocument>,
  listing: Listing,
): Promise<boolean> {
  if (!/\/v1\/\w+$/.test(first.pathname)) return false;
  const seen = new Set<string>();
  for (const sort of ["id", "-id"]) {
    const url = new URL(first);
    url.searchParams.set("sort", sort);
    const page = await fetch(url);
    listing.add(page);
    if (listing.isWhole) return true;
    const meets = page.data.some(({ id }) => seen.has(id));
    if (page.total === null && (page.data.length < PAGE_ROWS || meets)) return true;
    for (const { id } of page.data) seen.add(id);
  }
  return false;
}

function isRefusedCursor(error: unknown): boolean {
  return error instanceof AppleError && error.status === 400 && says(error, "PARAMETER_ERROR");
}

function nextOf(document: AppleDocument, first: URL): URL | null {
  if (document.next === null) return null;
  const next = URL.canParse(document.next) ? new URL(document.next) : null;
  if (next?.origin !== first.origin) throw unexpected("Apple's next page lies on another host, which is not asked.");
  return next;
}
