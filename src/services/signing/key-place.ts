interface Owned {
  readonly id: string;
  readonly ownerId: string;
}

const placeIn = (table: string, { id, ownerId }: Owned) => ({
  ...{ table, column: "sealed_key", rowId: id },
  ...{ ownerId, version: 1 },
});

/** What a certificate's sealed private key is bound to. */
export const placeOfCertificateKey = (certificate: Owned) => placeIn("certificates", certificate);

/** What the sealed private key of a signing request is bound to. */
export const placeOfRequestKey = (request: Owned) => placeIn("signing_requests", request);

/** What the private key of something that is being made is bound to. */
export const placeOfIntentKey = (intent: Owned) => placeIn("signing_intents", intent);
