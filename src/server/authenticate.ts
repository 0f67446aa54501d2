import type { FastifyRequest } from "fastify";
import { previewIn, readBearer, refusalReason, type Presented } from "../auth/bearer.js";
import type { Platform } from "../context.js";
import { CodedError } from "../errors.js";
import { claimOf, signIn, type Claim } from "../services/sign-in.js";
import type { RefusalLog } from "./refusal-log.js";

type PresentedJwt = Extract<Presented, { readonly kind: "jwt" }>;

/** Tells who asks, before a body is read for them. */
export class Authenticator {
  constructor(
    private readonly platform: Platform,
    private readonly refusals: RefusalLog,
  ) {}

  /** What a request claims and may be true; null where it is told already that nobody asks: the log says why. */
  async claimOf(request: FastifyRequest): Promise<Claim | null> {
    const { authorization } = request.headers;
    const presented = readBearer(authorization);
    if (presented === null)
      return this.#refuse(request, authorization === undefined ? "no token" : "what was presented is no token");
    // A token is looked up and nothing else; that is told at once.
    const claim = presented.kind === "token" ? presented : await this.#verified(request, presented);
    if (claim === null || this.platform.signIns.get(claim) !== undefined) return claim;
    const viewer = await signIn(this.platform, claim);
    if (viewer === null) return this.unknown(request);
    const { id: requestId, ip: ipAddress } = request;
    this.platform.log.info({ signIn: { actorId: viewer.actorId, ipAddress }, requestId }, "signed in");
    return claim;
  }

  async #verified(request: FastifyRequest, { jwt }: PresentedJwt): Promise<Claim | null> {
    try {
      const claim = await claimOf(this.platform, jwt);
      return claim ?? this.#refuse(request, "an identity token, and no issuer is configured");
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "UNAUTHENTICATED") throw error;
      return this.#refuse(request, `identity token: ${refusalReason(error)}`);
    }
  }

  /** Notes that nobody is known by what was presented, or nobody any more. */
  unknown(request: FastifyRequest): null {
    const preview = previewIn(request.headers.authorization);
    const token = preview === null ? "" : ` ${preview}…`;
    return this.#refuse(request, `access token${token}: unknown, expired or revoked`);
  }

  #refuse({ ip: ipAddress, id: requestId }: FastifyRequest, reason: string): null {
    this.refusals.note("UNAUTHENTICATED", reason, { actorId: null, ipAddress, requestId });
    return null;
  }
}
