import { createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { opaqueId, seedTeam, type Contents } from "./seed.js";
import type { Program, Team } from "./team.js";

/** What a new key shall be. */
export interface KeyOptions {
  program: Program;
  /** An individual key belongs to a person: it has no issuer and may not provision. Default `team`. */
  keyType?: "team" | "individual";
  /** Default `ADMIN`. */
  role?: string;
  /** Id of a team of this sandbox, so that two keys see one team; without it the key gets a team of its own. */
  team?: string;
  /** What the new team owns; without it the default seed. */
  contents?: Contents;
}

/** What App Store Connect shows once, when a key is made. */
export interface NewKey {
  keyId: string;
  /** Null for an individual key. */
  issuerId: string | null;
  /** PKCS#8 PEM, the text of the .p8 file. The sandbox keeps only the public half. */
  privateKey: string;
  teamId: string;
}

/** What the sandbox remembers of a key. */
export interface KnownKey {
  readonly id: string;
  readonly type: "team" | "individual";
  readonly role: string;
  readonly team: Team;
  readonly publicKey: KeyObject;
  revoked: boolean;
}

/** The keys and teams of one sandbox. */
export class KeyRing {
  private readonly keys = new Map<string, KnownKey>();
  private readonly teams = new Map<string, Team>();

  constructor(private readonly clock: () => Date) {}

  /** Makes a key. Throws a RangeError when the options contradict what there is. */
  register(options: KeyOptions): NewKey {
    const team = options.team === undefined ? this.foundTeam(options) : this.joinTeam(options.team, options);
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key: KnownKey = {
      id: opaqueId(),
      type: options.keyType ?? "team",
      role: options.role ?? "ADMIN",
      team,
      publicKey: createPublicKey(pair.privateKey),
      revoked: false,
    };
    this.keys.set(key.id, key);
    return {
      keyId: key.id,
      issuerId: key.type === "team" ? team.issuerId : null,
      privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      teamId: team.id,
    };
  }

  /** The key of this id, also when it is revoked. */
  find(keyId: string): KnownKey | undefined {
    return this.keys.get(keyId);
  }

  /** Makes a key worthless for good. Throws a RangeError when there is none. */
  revoke(keyId: string): void {
    const key = this.keys.get(keyId);
    if (key === undefined) throw new RangeError(`There is no key ${keyId} in this sandbox.`);
    key.revoked = true;
  }

  /** The team of this id. Throws a RangeError when there is none. */
  team(teamId: string): Team {
    const team = this.teams.get(teamId);
    if (team === undefined) throw new RangeError(`There is no team ${teamId} in this sandbox.`);
    return team;
  }

  private foundTeam({ program, contents }: KeyOptions): Team {
    const identity = { id: opaqueId(), issuerId: randomUUID(), program };
    const team = seedTeam(identity, this.teams.size, this.clock(), contents);
    this.teams.set(team.id, team);
    return team;
  }

  private joinTeam(teamId: string, { program, contents }: KeyOptions): Team {
    const team = this.team(teamId);
    if (team.program !== program) throw new RangeError(`Team ${teamId} is in the ${team.program} program.`);
    if (contents !== undefined) throw new RangeError("A team that exists keeps its contents.");
    return team;
  }
}
