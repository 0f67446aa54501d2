import { failApple, mendApple } from "../../sandbox/client.js";
import type { Shared } from "./sharing.js";
import { at, count, type Teller } from "./teller.js";

const DEVICES = `query ($id: ID!, $maxAgeSeconds: Int!) {
  credential(id: $id) {
    appStoreConnect(maxAgeSeconds: $maxAgeSeconds) {
      devices(first: 1) { nodes { name udid status } freshness { asOf stale problem { code message } } }
    }
  }
}`;
const REGISTER_DEVICES = `mutation ($input: RegisterDevicesInput!) {
  registerDevices(input: $input) { devices { name udid status } userErrors { code message field } }
}`;

/** What Apple said is kept: Apple may fail, and the graph answers. */
export async function tellOfApple(teller: Teller, { tokens, subOrganizations, teamKey }: Shared): Promise<void> {
  const { Web: web = "" } = tokens;
  const { stage } = teller;

  teller.step("Web registers a phone, and names one that Apple knows already: it comes back as it is");
  const udid = "00008110-000A1B2C3D4E5F60";
  const devices = [
    { name: "Test phone", udid },
    { name: "The same phone", udid: udid.toLowerCase().replace("-", "") },
  ];
  const input = { tenantId: subOrganizations["Web"], credentialId: teamKey, devices };
  const registered = await teller.ask(web, REGISTER_DEVICES, { input });
  teller.show(REGISTER_DEVICES, registered);
  teller.expect("Apple has it once", count(at(registered, "registerDevices", "devices")) === 2);

  teller.step("Apple is down: what was kept is the answer, and says so");
  await failApple(stage.sandboxUrl, {
    match: { path: "/v1/devices" },
    times: "always",
    failure: { kind: "503" },
  });
  const list = (answer: Parameters<typeof at>[0], ...path: string[]) =>
    at(answer, "credential", "appStoreConnect", "devices", ...path);
  const stale = await teller.ask(web, DEVICES, { id: teamKey, maxAgeSeconds: 0 });
  teller.show(DEVICES, stale);
  teller.expect(
    "stale, with the reason",
    list(stale, "freshness", "stale") === true && list(stale, "freshness", "problem") !== null,
  );
  await mendApple(stage.sandboxUrl);
  const fresh = await teller.ask(web, DEVICES, { id: teamKey, maxAgeSeconds: 0 });
  teller.expect("fresh again when Apple answers", list(fresh, "freshness", "stale") === false);
}
