import type { Context } from "../../context.js";
import { ReadSession } from "../../database/tenancy.js";
import { isWithin } from "../../entities/share.js";
import { Denial } from "../../errors.js";
import { actorOf, record } from "../audit.js";
import { unitOf, write } from "../write.js";
import {
  allowed,
  noPrivateKey,
  passwordOf,
  pkcs12Of,
  profileDownloadOf,
  usableCertificates,
  usableProfiles,
  type CertificateDownload,
  type Downloader,
  type Pkcs12Options,
  type ProfileDownload,
} from "./export.js";

const PROFILES_ALONE =
  "The share is for some bundle identifiers: prepareSigning hands the certificate out with the profiles it is shared for.";

interface CertificateInput {
  readonly certificateId: string;
  readonly password?: string | null;
  readonly encoding: Pkcs12Options["encoding"];
}

/** A certificate with its private key as a .p12; not before the log says so. */
export async function downloadCertificate(ctx: Context, input: CertificateInput): Promise<CertificateDownload> {
  const { certificateId, encoding } = input;
  const password = passwordOf({ password: input.password ?? null, encoding });
  const row = await write(ctx, async (manager) => {
    const unit = unitOf(manager);
    const certificate = allowed(await usableCertificates(unit, downloaderOf(ctx), [certificateId]), certificateId);
    if (certificate.bundleIdentifiers.length > 0) throw new Denial("FORBIDDEN", PROFILES_ALONE);
    if (certificate.sealedKey === null) throw noPrivateKey();
    record(unit, actorOf(ctx), {
      tenant: { rootId: certificate.rootId, id: certificate.tenantId },
      action: "certificate.downloaded",
      subject: { id: certificateId, label: certificate.name },
      details: { sha1: certificate.sha1, encoding },
    });
    return certificate;
  });
  const reads = new ReadSession(ctx.platform.readPool, ctx.viewer.scope);
  return pkcs12Of(ctx.platform.vault, reads, row, { password, encoding });
}

/** The file of a profile; not before the log says so. */
export async function downloadProfile(
  ctx: Context,
  { provisioningProfileId: id }: { provisioningProfileId: string },
): Promise<ProfileDownload> {
  const row = await write(ctx, async (manager) => {
    const unit = unitOf(manager);
    const profile = allowed(await usableProfiles(unit, downloaderOf(ctx), [id]), id);
    if (!isWithin(profile.bundleIdentifier, profile.bundleIdentifiers)) {
      throw new Denial("FORBIDDEN", "The share of this profile is for other bundle identifiers.");
    }
    record(unit, actorOf(ctx), {
      tenant: { rootId: profile.rootId, id: profile.tenantId },
      action: "provisioning_profile.downloaded",
      subject: { id, label: profile.name },
      details: { bundleIdentifier: profile.bundleIdentifier },
    });
    return profile;
  });
  return profileDownloadOf(row);
}

const downloaderOf = ({ viewer }: Context): Downloader => ({
  scope: viewer.scope,
  tenants: viewer.tenantsWith("SIGNING_DOWNLOAD"),
});
