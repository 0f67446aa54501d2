import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";

/** Whoever asks has been refused or cut off: it asks again. */
const AGAIN_MS = 50;

const READ = "{ viewer { tenants(first: 20) { nodes { id name } } } }";
const CREATE_SUB = `mutation ($input: CreateSubOrganizationInput!) {
  createSubOrganization(input: $input) { subOrganization { id } userErrors { code } } }`;
const CREATE_CERTIFICATE = `mutation ($input: CreateCertificateInput!) {
  createCertificate(input: $input) { certificate { id } userErrors { code } } }`;

/** Who asks, and for what. */
export interface Asker {
  readonly token: string;
  readonly organizationId: string;
  /** A key that certificates are made with. */
  readonly credentialId: string;
}

/** An answer: its code where there was an error, null where all went well. */
interface Answer {
  readonly code: string | null;
  readonly id: string | null;
}

/**
 * Reads and writes that go on whatever happens. A write that was not acknowledged is asked for again until it is: by the
 * same name, or with the same idempotency key.
 */
export class FaultLoad {
  /** Answers by their code; "ok" where there was none, "no answer" where the connection broke. */
  readonly answers = new Map<string, number>();
  /** Names of the sub-organizations that were acknowledged. */
  readonly names: string[] = [];
  /** Ids of the certificates that were, by their idempotency key. */
  readonly certificates = new Map<string, string>();
  readonly #agent = new Agent({ connections: 32, pipelining: 1 });
  readonly #loops: Promise<void>[] = [];
  #isOver = false;

  constructor(
    /** Where the server listens now. */
    private readonly url: () => string,
    private readonly asker: Asker,
  ) {}

  /** Begins: so many of each at once. */
  start({ readers, writers, makers }: { readers: number; writers: number; makers: number }): void {
    const many = (count: number, loop: () => Promise<void>): void => {
      for (let n = 0; n < count; n += 1) this.#loops.push(loop());
    };
    many(readers, () => this.#read());
    many(writers, () => this.#write());
    many(makers, () => this.#make());
  }

  /** Ends when what was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    await this.#agent.close();
  }

  /** Whether the server reads and says that it is ready. */
  async isServed(): Promise<boolean> {
    try {
      const ready = await request(`${this.url()}/readyz`);
      await ready.body.dump();
      return ready.statusCode === 200 && (await this.#ask(READ, {}, "viewer")).code === null;
    } catch {
      return false;
    }
  }

  async #read(): Promise<void> {
    while (!this.#isOver) if ((await this.#noted(READ, {}, "viewer")).code !== null) await delay(AGAIN_MS);
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      const name = `Sub ${randomUUID()}`;
      const input = { organizationId: this.asker.organizationId, name };
      for (;;) {
        const { code } = await this.#noted(CREATE_SUB, { input }, "createSubOrganization");
        // Of one that was done and not acknowledged.
        if (code === null || code === "ALREADY_EXISTS") break;
        await delay(AGAIN_MS);
      }
      this.names.push(name);
    }
  }

  async #make(): Promise<void> {
    const { organizationId: tenantId, credentialId } = this.asker;
    while (!this.#isOver) {
      const idempotencyKey = randomUUID();
      const input = { tenantId, credentialId, type: "DISTRIBUTION", idempotencyKey };
      for (;;) {
        const { code, id } = await this.#noted(CREATE_CERTIFICATE, { input }, "createCertificate");
        if (code === null && id !== null) {
          this.certificates.set(idempotencyKey, id);
          break;
        }
        await delay(AGAIN_MS);
      }
    }
  }

  async #noted(query: string, variables: object, field: string): Promise<Answer> {
    const answer = await this.#ask(query, variables, field).catch((): Answer => ({ code: "no answer", id: null }));
    const code = answer.code ?? "ok";
    this.answers.set(code, (this.answers.get(code) ?? 0) + 1);
    return answer;
  }

  async #ask(query: string, variables: object, field: string): Promise<Answer> {
    const { body } = await request(`${this.url()}/graphql`, {
      method: "POST",
      dispatcher: this.#agent,
      headers: { "content-type": "application/json", authorization: `Bearer ${this.asker.token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await body.json()) as {
      data?: Record<string, { userErrors?: { code: string }[]; certificate?: { id: string } | null } | null> | null;
      errors?: { extensions: { code: string } }[];
    };
    const payload = data?.[field];
    const code = errors?.[0]?.extensions.code ?? payload?.userErrors?.[0]?.code ?? null;
    return { code, id: payload?.certificate?.id ?? null };
  }
}
