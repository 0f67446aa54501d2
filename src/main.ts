#!/usr/bin/env node
// First, since it says that this is production before any library asks.
import "./config.js";
import "reflect-metadata";
import { Command, Option } from "commander";
import { auditExport, auditVerify } from "./commands/audit.js";
import { demo } from "./commands/demo.js";
import { doctor } from "./commands/doctor.js";
import { init, ownerToken } from "./commands/init.js";
import { migrate } from "./commands/migrate.js";
import { organizationDelete } from "./commands/organization.js";
import { sandbox, sandboxKey, SANDBOX_PORT, type SandboxCommandOptions } from "./commands/sandbox.js";
import { emitSchema } from "./commands/schema.js";
import { serve } from "./commands/serve.js";
import { vaultRotate } from "./commands/vault.js";
import { readConfig } from "./config.js";
import { GRACE_SECONDS } from "./services/vault/data-key-rotation.js";

const program = new Command("countersign")
  .description("One GraphQL backend for Apple signing across every organization that a company runs.")
  // `sandbox` and `sandbox key` both have a --port: what stands behind `key` is its own.
  .enablePositionalOptions();

program
  .command("serve", { isDefault: true })
  .description("serve the graph; on an empty database make the root organization and print its owner token once")
  .action(() => serve(readConfig()));

program
  .command("init")
  .description("make a root organization and print its owner token once")
  .requiredOption("--organization <name>", "the name of the organization")
  .option("--json", "print {organizationId, token}")
  .action((options: { organization: string; json?: boolean }) => init(readConfig(), options));

program
  .command("owner-token")
  .description("make another owner token of an organization, where the last was lost or has ended")
  .requiredOption("--organization <id>", "the id of the organization: org_…")
  .option("--json", "print {organizationId, token}")
  .action((options: { organization: string; json?: boolean }) => ownerToken(readConfig(), options));

program
  .command("doctor")
  .description("say what works and what does not with each key that this server has, and what to do about it")
  .option("--organization <id>", "only the keys of one root organization: org_…")
  .option("--key <id>", "only one key: cred_…")
  .option("--json", "print {server, keys}")
  // Status 1 says that a key does not work: a wrong option is not that.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action((options: { organization?: string; key?: string; json?: boolean }) => doctor(readConfig(), options));

const auditCommand = program.command("audit").description("look at the log of what was done");
auditCommand
  .command("verify")
  .description("say whether any entry was changed, taken out, put in or moved, and which is the first")
  .option("--organization <id>", "only one root organization: org_…")
  .option("--json", "print a list of reports")
  .action((options: { organization?: string; json?: boolean }) => auditVerify(readConfig(), options));
auditCommand
  .command("export")
  .description("print every entry, one JSON object a line")
  .option("--organization <id>", "only one root organization: org_…")
  .action((options: { organization?: string }) => auditExport(readConfig(), options));

program
  .command("organization")
  .description("delete a root organization")
  .command("delete")
  .description("delete a root organization with all that is its own, and destroy its data keys, for good")
  .argument("<id>", "the id of the organization: org_…")
  .option("--yes", "without asking for its name")
  .option("--json", "print what is left to tell")
  .action((id: string, options: { yes?: boolean; json?: boolean }) => organizationDelete(readConfig(), id, options));

const vaultCommand = program.command("vault").description("replace the keys that seal the secrets");
vaultCommand
  .command("rotate")
  .description("wrap every data key with the current key-encryption key, or make new data keys; servers may run")
  .option("--data-keys", "make new data keys, seal every secret anew, and destroy the old data keys")
  .option("--organization <id>", "with --data-keys: only one root organization: org_…")
  .option(
    "--wait <seconds>",
    "with --data-keys: how long an old data key stays for requests that have read what it sealed",
    String(GRACE_SECONDS),
  )
  .option("--json", "print what was done as JSON")
  .action((options: Parameters<typeof vaultRotate>[1]) => vaultRotate(readConfig(), options));

program
  .command("migrate")
  .description("bring the database up to date, as its owner")
  .action(() => migrate(readConfig()));

program
  .command("demo")
  .description("tell the whole story on a throw-away database, with the sandbox as Apple")
  .option("--once", "end after the story, with exit status 0 only if every step was as expected")
  .action((options: { once?: boolean }) => demo(readConfig(), options));

const sandboxCommand = program.command("sandbox").description("run an App Store Connect to try and test against");
sandboxCommand
  .option("--port <port>", `the port, ${SANDBOX_PORT} by default`)
  .option("--enterprise-port <port>", "a port of its own for the Enterprise Program; by default both are on one")
  .option("--per-hour <calls>", "calls of a key in a rolling hour, 3600 by default")
  .option("--per-minute <calls>", "calls of a key in a rolling minute; by default minutes are not counted")
  .option("--page-delay-ms <ms>", "how long each answer takes, 0 by default")
  .option("--list-lag-ms <ms>", "for how long lists do not show a change, 0 by default")
  .action((options: SandboxCommandOptions) => sandbox(readConfig(), options));
sandboxCommand
  .command("key")
  .description("register a key with a running sandbox")
  .addOption(
    new Option("--program <program>", "which program").choices(["app-store", "enterprise"]).default("app-store"),
  )
  .option("--individual", "one person's key instead of a team's")
  .option("--port <port>", "the port of the sandbox; by default the one that runs")
  .option("--json", "print {keyId, issuerId, privateKey}")
  .action((options: Parameters<typeof sandboxKey>[1]) => sandboxKey(readConfig(), options));

program
  .command("schema", { hidden: true })
  .description("write the graph's SDL to schema/schema.graphql")
  .action(() => emitSchema());

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : "The command failed.");
  process.exitCode = 1;
}
