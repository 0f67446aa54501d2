/** Where the story happens. */
export interface Stage {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly organizationId: string;
  /** The owner token of Acme. */
  readonly owner: string;
  /** Where the .p8 files go. */
  readonly dataDir: string;
}

/** What the graph answered. */
export interface Answer {
  readonly data: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

/** What a chapter needs to be told. */
export class Teller {
  /** Steps that were not as expected. */
  failures = 0;

  constructor(
    readonly stage: Stage,
    private readonly say: (line: string) => void,
  ) {}

  /** Asks the graph with somebody's token. */
  async ask(token: string, query: string, variables: object): Promise<Answer> {
    const response = await fetch(`${this.stage.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Answer;
  }

  step(title: string): void {
    this.say(`\n── ${title}`);
  }

  expect(what: string, holds: boolean): void {
    if (!holds) this.failures += 1;
    this.say(`${holds ? "✓" : "✗"} ${what}`);
  }

  /** Prints a question and its answer. */
  show(query: string, answer: Answer): void {
    this.say(indented(query));
    this.say(indented(JSON.stringify(answer.errors === undefined ? answer.data : answer, shortened, 2), "→ "));
  }
}

/** A value deep in an answer; undefined where the answer does not reach so far. */
export function at(answer: Answer, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key],
    answer.data,
  );
}

/** How many a list holds. */
export const count = (list: unknown): number => (Array.isArray(list) ? list.length : 0);

const SHOWN_MOST = 80;

/** Files in base64 and their passwords are no reading. */
function shortened(key: string, value: unknown): unknown {
  if (key === "password") return "…";
  return typeof value === "string" && value.length > SHOWN_MOST && !value.includes(" ")
    ? `${value.slice(0, 16)}… (${value.length} characters)`
    : value;
}

function indented(text: string, first = "  "): string {
  return text
    .split("\n")
    .map((line, index) => (index === 0 ? first : "  ") + line)
    .join("\n");
}
