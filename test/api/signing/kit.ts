import { X509Certificate, type KeyObject } from "node:crypto";
import type { CertificateFile } from "../../../src/files/certificate.js";
import { readProvisioningProfile, type ProfileFile } from "../../../src/files/mobileprovision.js";
import { readPkcs12 } from "../../../src/files/pkcs12.js";
import { mutate } from "../../support/mutation.js";
import type { Ask } from "../../support/server.js";
import { CERTIFICATE, PROFILE, type CertificateNode, type ProfileNode } from "./maker.js";

/** All that a build needs to sign, as a client gets it. */
export interface Kit {
  readonly certificate: CertificateNode;
  readonly provisioningProfiles: readonly ProfileNode[];
  readonly download: { readonly fileName: string; readonly pkcs12: string; readonly password: string };
  readonly profileDownloads: readonly { readonly fileName: string; readonly content: string }[];
}

/** What a call of prepareSigning came to. */
export interface Preparation {
  /** Null where none is handed out. */
  readonly kit: Kit | null;
  /** What was done, or would be: the actions in order. */
  readonly actions: readonly string[];
  readonly labels: readonly string[];
  readonly done: readonly boolean[];
  /** The code in `errors[]` or in `userErrors`; null: neither. */
  readonly code: string | null;
  readonly field: readonly string[] | null;
  readonly text: string;
}

const SELECTION = `kit { certificate { ${CERTIFICATE} } provisioningProfiles { ${PROFILE} }
  download { fileName pkcs12 password } profileDownloads { fileName content } } plan { action label done }`;

/** Asks for a kit: for the App Store and com.acme.shop, where the input does not say otherwise. */
export async function prepare(server: { readonly ask: Ask }, token: string, input: object): Promise<Preparation> {
  const { payload, refused, denied, text } = await mutate<{
    kit: Kit | null;
    plan: { action: string; label: string; done: boolean }[];
  }>(server, token, "prepareSigning", SELECTION, {
    ...{ type: "IOS_APP_STORE", bundleIdentifiers: ["com.acme.shop"] },
    ...input,
  });
  const plan = payload?.plan ?? [];
  return {
    kit: payload?.kit ?? null,
    actions: plan.map(({ action }) => action),
    labels: plan.map(({ label }) => label),
    done: plan.map(({ done }) => done),
    code: denied ?? refused?.code ?? null,
    field: refused?.field ?? null,
    text,
  };
}

/** What is in the files of a kit. */
export interface Opened {
  readonly privateKey: KeyObject;
  readonly certificate: CertificateFile;
  /** Whether the private key is that of the certificate. */
  readonly isPair: boolean;
  readonly profiles: readonly ProfileFile[];
}

/** Opens the files of a kit, with the password that came along. */
export async function open({ kit, text }: Preparation): Promise<Opened> {
  if (kit === null) throw new Error(`There is no kit: ${text}`);
  const { pkcs12, password } = kit.download;
  const { privateKey, certificate } = await readPkcs12(Buffer.from(pkcs12, "base64"), password);
  const profiles = kit.profileDownloads.map(({ content }) => readProvisioningProfile(Buffer.from(content, "base64")));
  const isPair = new X509Certificate(certificate.der).checkPrivateKey(privateKey);
  return { privateKey, certificate, isPair, profiles: await Promise.all(profiles) };
}
