/** Extensions by which Apple marks what a certificate may sign, below 1.2.840.113635.100.6.1 (Apple's WWDR practice statement). */
const MARKER = "1.2.840.113635.100.6.1.";

/**
 * What Apple calls a kind, how the names of such certificates begin (old and new, Apple's and of Apple's list), and its
 * marker. A name alone proves nothing: it counts with its marker only.
 */
const KINDS: readonly (readonly [type: string, marker: string, names: readonly string[]])[] = [
  ["DEVELOPMENT", "2", ["Apple Development: "]],
  ["DEVELOPMENT", "12", ["Apple Development: "]],
  ["IOS_DEVELOPMENT", "2", ["iPhone Developer: ", "iOS Development: "]],
  ["MAC_APP_DEVELOPMENT", "12", ["Mac Developer: ", "Mac Development: "]],
  ["DISTRIBUTION", "4", ["Apple Distribution: "]],
  ["DISTRIBUTION", "7", ["Apple Distribution: "]],
  ["IOS_DISTRIBUTION", "4", ["iPhone Distribution: ", "iOS Distribution: "]],
  ["MAC_APP_DISTRIBUTION", "7", ["3rd Party Mac Developer Application: ", "Mac App Distribution: "]],
  ["MAC_INSTALLER_DISTRIBUTION", "8", ["3rd Party Mac Developer Installer: ", "Mac Installer Distribution: "]],
  ["DEVELOPER_ID_APPLICATION", "13", ["Developer ID Application: "]],
  ["DEVELOPER_ID_INSTALLER", "14", ["Developer ID Installer: "]],
  ["DEVELOPER_ID_KEXT", "18", ["Developer ID Kext: "]],
  ["PASS_TYPE_ID", "16", ["Pass Type ID: "]],
];

/** Kinds with a second generation, which another intermediate issues. */
const WITH_G2 = ["DEVELOPER_ID_APPLICATION", "DEVELOPER_ID_KEXT"];

/**
 * Apple's word for a kind of certificate, told from its marker extensions and how its name begins; null where it has no
 * marker. `isG2` says whether Apple's intermediate of the second generation (OU=G2) issued it.
 */
export function appleCertificateType(
  commonName: string,
  extensionTypes: readonly string[],
  isG2: boolean,
): string | null {
  const marked = KINDS.filter(([, marker]) => extensionTypes.includes(MARKER + marker));
  const named = marked.find(([, , names]) => names.some((name) => commonName.startsWith(name)));
  const type = (named ?? unnamed(marked))?.[0] ?? null;
  return isG2 && type !== null && WITH_G2.includes(type) ? `${type}_G2` : type;
}

/** Where the name says nothing: markers for iOS and macOS together are the kinds for both, else the one of its own. */
function unnamed(marked: typeof KINDS): (typeof KINDS)[number] | undefined {
  const twice = marked.find(([type], index) => marked.findIndex(([other]) => other === type) < index);
  return twice ?? marked.find(([, , [name]]) => !name?.startsWith("Apple ")) ?? marked[0];
}
