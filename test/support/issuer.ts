import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type JWTHeaderParameters, type JWTPayload } from "jose";

/** A real OpenID Connect issuer on loopback: serves a JWKS and signs tokens. */
export interface Issuer {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** A token for a person; `claims` and `header` replace what is usual, and undefined leaves it out. */
  token(email: string, claims?: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** Signs anything with another key, which the JWKS does not hold. */
  forge(claims: JWTPayload): Promise<string>;
  close(): Promise<void>;
}

/** Starts an issuer. */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const stranger = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "test", alg: "ES256", use: "sig" }] };
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const audience = "countersign";
  const sign = (claims: JWTPayload, key: typeof privateKey, header: Partial<JWTHeaderParameters> = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "test", ...header }).sign(key);
  const usual = (email: string): JWTPayload => {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: issuer,
      aud: audience,
      sub: `user of ${email}`,
      email,
      email_verified: true,
      iat: now,
      exp: now + 3600,
    };
  };
  return {
    issuer,
    audience,
    jwksUrl: `${issuer}/jwks.json`,
    token: (email, claims = {}, header = {}) => sign({ ...usual(email), ...claims }, privateKey, header),
    forge: (claims) => sign({ ...usual("forged@acme.example"), ...claims }, stranger.privateKey),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
