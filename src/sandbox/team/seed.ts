import { createHash, randomInt, randomUUID } from "node:crypto";
import * as samples from "./sample.js";
import { timestamp, type Belongings, type Device, type Stored, type Team } from "./team.js";

/** One thing said explicitly: what is left out is filled in plausibly. */
interface Seed<Item extends Stored<object, object>> {
  id?: string;
  attributes?: Partial<Item["attributes"]>;
  relationships?: Partial<Item["relationships"]>;
}

/** What a new team owns: how many of a kind, or which ones. A kind that is left out gets its default seed. */
export type Contents = {
  [Type in Exclude<keyof Belongings, "bundleIdCapabilities">]?: number | readonly Seed<Belongings[Type][number]>[];
};

/** Who a team is. */
type Identity = Pick<Team, "id" | "issuerId" | "program">;

const DAY_MS = 86_400_000;

/** Ten capital letters and digits: the ids of Apple's keys, teams and provisioning resources. */
export function opaqueId(): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return Array.from({ length: 10 }, () => letters.charAt(randomInt(letters.length))).join("");
}

/** Makes a team and what it owns. The `ordinal`-th team of a sandbox is alike in each run, apart from ids and dates. */
export function seedTeam(identity: Identity, ordinal: number, now: Date, contents: Contents = {}): Team {
  const name = `${samples.COMPANIES[ordinal % samples.COMPANIES.length] ?? "Sandbox"} ${ordinal + 1}`;
  const domain = `com.${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "")}`;
  const enterprise = identity.program === "enterprise";
  const inDays = (days: number) => timestamp(new Date(now.getTime() + days * DAY_MS));

  const bundleIds = fill<samples.BundleIdSample, Belongings["bundleIds"][number]>(
    contents.bundleIds,
    enterprise ? samples.BUNDLE_IDS.map((sample) => ({ ...sample, platform: "IOS" })) : samples.BUNDLE_IDS,
    (sample, { again }) => ({
      attributes: {
        name: sample.name + again,
        identifier: `${domain}.${sample.suffix}${again.trim()}`,
        platform: sample.platform,
        seedId: identity.id,
      },
      relationships: {},
    }),
  );

  const devices = fill<samples.DeviceSample, Device>(contents.devices, samples.DEVICES, (sample, { index, again }) => ({
    attributes: {
      name: sample.name + again,
      udid: `00008${sample.chip}-${digest(name, "device", index)}`,
      platform: sample.deviceClass === "MAC" ? "MAC_OS" : "IOS",
      deviceClass: sample.deviceClass,
      model: sample.model,
      status: sample.status,
      addedDate: inDays(index / 24 - 400),
    },
    relationships: {},
  }));

  const certificates = fill<samples.CertificateSample, Belongings["certificates"][number]>(
    contents.certificates,
    samples.certificates(enterprise),
    (sample, { index }) => ({
      attributes: {
        name: `${sample.label}: ${sample.displayName ?? name}`,
        certificateType: sample.certificateType,
        displayName: sample.displayName ?? name,
        serialNumber: digest(name, "certificate", index).replace(/^0+/, ""),
        platform: sample.platform,
        expirationDate: inDays(sample.expiresInDays),
        activated: null,
      },
      relationships: { passTypeId: null },
    }),
  );
  const valid = certificates.filter(({ attributes }) => Date.parse(attributes.expirationDate) > now.getTime());

  const profiles = fill<samples.ProfileSample, Belongings["profiles"][number]>(
    contents.profiles,
    samples.profiles(enterprise),
    (sample, { again }) => {
      const bundleId = bundleIds[sample.bundleId] ?? bundleIds[0];
      const signer = valid.find(({ attributes }) => sample.certificateTypes.includes(attributes.certificateType));
      return {
        attributes: {
          name: `${sample.label} ${bundleId?.attributes.identifier ?? domain}${again}`,
          platform: "IOS",
          profileType: sample.profileType,
          profileState: sample.profileState,
          uuid: randomUUID(),
          createdDate: inDays(sample.expiresInDays - 365),
          expirationDate: inDays(sample.expiresInDays),
        },
        relationships: {
          bundleId: bundleId?.id ?? null,
          devices: /_(ADHOC|DEVELOPMENT)$/.test(sample.profileType) ? usableIosDevices(devices) : [],
          certificates: signer === undefined ? [] : [signer.id],
        },
      };
    },
  );

  const apps = fill<{ name: string }, Belongings["apps"][number]>(
    contents.apps ?? (enterprise ? 0 : undefined),
    samples.APPS,
    (sample, { index, again }) => ({
      id: String(1_450_000_000 + ordinal * 10_000 + index),
      attributes: {
        name: sample.name + again,
        bundleId: bundleIds[index]?.attributes.identifier ?? `${domain}.app${index}`,
        sku: `SKU-${ordinal + 1}-${index + 1}`,
        primaryLocale: "en-US",
      },
      relationships: { bundleId: bundleIds[index]?.id ?? null },
    }),
  );

  const passTypeIds = fill<{ name: string }, Belongings["passTypeIds"][number]>(
    contents.passTypeIds ?? 0,
    [{ name: "Ticket" }],
    (sample, { index, again }) => ({
      attributes: { name: sample.name + again, identifier: `pass.${domain}.${index + 1}` },
      relationships: {},
    }),
  );

  const bundleIdCapabilities = bundleIds.flatMap(({ id }) =>
    samples.CAPABILITIES.map((capabilityType) => ({
      id: `${id}_${capabilityType}`,
      attributes: { capabilityType, settings: null },
      relationships: { bundleId: id },
    })),
  );

  return {
    ...identity,
    ...{ name, certificates, profiles, bundleIds, bundleIdCapabilities, devices, apps, passTypeIds },
  };
}

/** Where in the seed a thing stands. `again` is empty for the first round of the samples, then " 2", " 3" … */
interface Place {
  index: number;
  again: string;
}

/** As many things as asked for, made of the samples in turn; explicit ones are made of the first sample each. */
function fill<Sample, Item extends Stored<object, object>>(
  wanted: number | readonly Seed<Item>[] | undefined,
  from: readonly [Sample, ...Sample[]] | readonly Sample[],
  make: (sample: Sample, place: Place) => Omit<Item, "id"> & { id?: string },
): Item[] {
  const seeds: readonly Seed<Item>[] =
    typeof wanted === "object" ? wanted : Array.from({ length: wanted ?? from.length }, () => ({}));
  return seeds.map((seed, index) => {
    const sample = from[typeof wanted === "object" ? 0 : index % from.length] as Sample;
    const round = typeof wanted === "object" ? index : Math.floor(index / from.length);
    const made = make(sample, { index, again: round === 0 ? "" : ` ${round + 1}` });
    return {
      id: seed.id ?? made.id ?? opaqueId(),
      attributes: { ...made.attributes, ...seed.attributes },
      relationships: { ...made.relationships, ...seed.relationships },
    } as Item;
  });
}

/** Sixteen upper hexadecimal digits that are the same in each run. */
function digest(team: string, kind: string, index: number): string {
  return createHash("sha256").update(`${team} ${kind} ${index}`).digest("hex").slice(0, 16).toUpperCase();
}

function usableIosDevices(devices: readonly Device[]): string[] {
  return devices
    .filter(({ attributes }) => attributes.status === "ENABLED" && attributes.platform === "IOS")
    .map(({ id }) => id);
}
