import { pino, type DestinationStream, type Logger } from "pino";
import type { Config } from "./config.js";

/** What stands in the place of a secret. */
const REDACTED = "[redacted]";

/** What looks like a secret, wherever it stands in a line of JSON, and what is shown instead. */
const SECRETS: readonly (readonly [pattern: RegExp, shown: string])[] = [
  // A private key in PEM, to its end or to the end of the string.
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^"\\-]|\\.)*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g, REDACTED],
  // Private keys and .p12 files in base64 and hex: a SEQUENCE that begins with the number of its version.
  [/M(?:I[E-H][\w+/]AgEA|II[\w+/]{2}[AQgw]IB|IACAQ|HcCAQEE)[\w+/=\\-]{16,}/g, REDACTED],
  [/30(?:81[0-9a-f]{2}|82[0-9a-f]{4}|80|77)02010[013][0-9a-f]{32,}/gi, REDACTED],
  [/\{"type":"Buffer","data":\[[\d,]*\]\}/g, `"${REDACTED}"`],
  // Access tokens of ours, JSON Web Tokens, and whatever else is presented as a bearer's.
  [/\bcs_[\w-]{20,}/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, REDACTED],
  [/\b(Bearer|Basic) [\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"]{0,100}):[^\s/@"]+@/gi, `$1:${REDACTED}@`],
  [
    /"(password|passphrase|privateKey|pkcs12|secret|token|authorization|cookie)":"(?:[^"\\]|\\.)*"/gi,
    `"$1":"${REDACTED}"`,
  ],
];

/** Part of everything above and quickly looked for: most lines have none of it, and are looked at no further. */
const HINT =
  /PRIVATE KEY|M(?:I[A-P]|Hc)|30(?:8[0-2]|77)|"Buffer"|cs_|eyJ|(?:bearer|basic) |:\/\/[^\s/"]*@|"(?:pass|privatekey|pkcs12|secret|token|authorization|cookie)/i;

/** A line without what looks like a secret. */
export function withoutSecrets(line: string): string {
  if (!HINT.test(line)) return line;
  return SECRETS.reduce((text, [pattern, shown]) => text.replace(pattern, shown), line);
}

/** The server's log: one JSON object a line, to standard output unless told otherwise; none holds what looks like a secret. */
export function makeLog({ logLevel }: Pick<Config, "logLevel">, to?: DestinationStream): Logger {
  const destination = to ?? pino.destination({ dest: 1, sync: true });
  const write = (line: string): void => {
    destination.write(withoutSecrets(line));
  };
  return pino({ level: logLevel, base: null }, { write });
}
