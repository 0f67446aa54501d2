import { Column, CreateDateColumn, Entity } from "typeorm";
import type { ErrorCode } from "../../errors.js";
import { TenantRow } from "../node.js";

/** What is being made. */
export type IntentKind = "CERTIFICATE" | "PROFILE";

/**
 * How far the making has come. INTENT: nothing went out. SENT: Apple may have been told. LOST: Apple did not show it for
 * so long that nobody waits any more; were it to show after all, it is kept. DONE and FAILED are the end.
 */
export type IntentState = "INTENT" | "SENT" | "LOST" | "DONE" | "FAILED";

/** A certificate that is to be made. */
export interface WantedCertificate {
  readonly name: string;
  readonly appleType: string;
  readonly csrPem: string;
  /** The signing request it is made from; null: its private key was made for it. */
  readonly signingRequestId: string | null;
  /** The kept certificate that it renews; null: none. */
  readonly renewsId: string | null;
}

/** A profile that is to be made. */
export interface WantedProfile {
  readonly name: string;
  readonly appleType: string;
  readonly bundleIdAppleId: string;
  readonly certificateAppleIds: readonly string[];
  readonly deviceAppleIds: readonly string[];
  /** The kept profile whose place it takes; null: none. */
  readonly replacesId: string | null;
}

/** Who wanted it: for the log, also where another process ends it. */
export interface IntentActor {
  readonly actorId: string;
  readonly actorLabel: string;
  readonly requestId: string | null;
  readonly ipAddress: string | null;
}

/** Something that is to be made at Apple: stored before the first byte goes out, so that it is never lost. */
@Entity()
export class SigningIntent extends TenantRow {
  /** The tenant that will own what is made. */
  @Column("text")
  ownerId!: string;

  @Column("text")
  credentialId!: string;

  @Column("text")
  kind!: IntentKind;

  @Column("text")
  state!: IntentState;

  @Column("jsonb")
  wanted!: WantedCertificate | WantedProfile;

  @Column("jsonb")
  actor!: IntentActor;

  /** SHA-256 of the public key (SPKI, DER), lower-case hex: by it Apple's certificate is known as ours. */
  @Column("text", { nullable: true })
  publicKeySha256!: string | null;

  /** The private key as PKCS#8 DER, sealed by the vault; null where a signing request holds it. */
  @Column("bytea", { nullable: true })
  sealedKey!: Buffer | null;

  /** The request that asked for it, where it gave an idempotency key. */
  @Column("text", { nullable: true })
  idempotencyKey!: string | null;

  /** What was made. */
  @Column("text", { nullable: true })
  subjectId!: string | null;

  @Column("text", { nullable: true })
  problemCode!: ErrorCode | null;

  @Column("text", { nullable: true })
  problemMessage!: string | null;

  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;

  @Column("timestamptz", { nullable: true })
  sentAt!: Date | null;

  /** When it is looked for next, unless a process is at it. */
  @Column("timestamptz")
  nextLookAt!: Date;

  /** How often it was looked for. */
  @Column("integer", { default: 0 })
  looks!: number;
}
