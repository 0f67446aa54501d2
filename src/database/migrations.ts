import { CreateTenancy1763800000000 } from "../../migrations/1763800000000-create-tenancy.js";
import { CreateCredentials1763800001000 } from "../../migrations/1763800001000-create-credentials.js";
import { CreateSnapshots1763900000000 } from "../../migrations/1763900000000-create-snapshots.js";
import { CreateSigning1764000000000 } from "../../migrations/1764000000000-create-signing.js";
import { CreateAudit1764000001000 } from "../../migrations/1764000001000-create-audit.js";
import { CreateRateLimits1764000003000 } from "../../migrations/1764000003000-create-rate-limits.js";
import { LightenPolicies1764000004000 } from "../../migrations/1764000004000-lighten-policies.js";
import { RotateKeys1764000005000 } from "../../migrations/1764000005000-rotate-keys.js";
import { ListedStatus1764000006000 } from "../../migrations/1764000006000-listed-status.js";
import { FindById1764000007000 } from "../../migrations/1764000007000-find-by-id.js";

/** Every migration, in the order of its time. Named here and not found by a glob: a start reads no folder. */
export const migrations = [
  CreateTenancy1763800000000,
  CreateCredentials1763800001000,
  CreateSnapshots1763900000000,
  CreateSigning1764000000000,
  CreateAudit1764000001000,
  CreateRateLimits1764000003000,
  LightenPolicies1764000004000,
  RotateKeys1764000005000,
  ListedStatus1764000006000,
  FindById1764000007000,
];
