import type { Unit } from "../../../database/tenancy.js";
import type { KeyPlace } from "../../apple/row.js";

const KEYS_OF_TEAM = {
  name: "keys_of_team",
  text: `SELECT c.root_id AS "rootId", c.owner_id AS "ownerId", c.id AS "credentialId"
    FROM credentials mine JOIN credentials c ON c.root_id = mine.root_id
      AND (c.id = mine.id OR (c.program = mine.program AND c.issuer_id = mine.issuer_id))
    WHERE mine.root_id = $1 AND mine.id = $2 AND (c.owner_id = mine.owner_id OR mine.owner_id = mine.root_id)
    ORDER BY c.id`,
};

/**
 * The keys that reach the team of a key, itself among them, as far as its owner stands where they are: what is made
 * through one of them, all of them find at Apple. None where the key is gone.
 */
export function keysOfTeam(
  unit: Unit,
  { rootId, credentialId }: { readonly rootId: string; readonly credentialId: string },
): Promise<KeyPlace[]> {
  return unit.rows<KeyPlace>(KEYS_OF_TEAM, [rootId, credentialId]);
}
