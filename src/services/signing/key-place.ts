import { placeIn, SEALED } from "../vault/sealed-column.js";

interface Owned {
  readonly id: string;
  readonly ownerId: string;
}

/** What a certificate's sealed private key is bound to. */
export const placeOfCertificateKey = (certificate: Owned) => placeIn(SEALED.certificateKey, certificate);

/** What the sealed private key of a signing request is bound to. */
export const placeOfRequestKey = (request: Owned) => placeIn(SEALED.requestKey, request);

/** What the private key of something that is being made is bound to. */
export const placeOfIntentKey = (intent: Owned) => placeIn(SEALED.intentKey, intent);
