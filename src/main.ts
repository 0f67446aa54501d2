#!/usr/bin/env node
// First, since it says that this is production before any library asks.
import "./config.js";
import "reflect-metadata";
import { Command, Option } from "commander";
import { GRACE_SECONDS, SANDBOX_PORT } from "./commands/default.js";
import { readConfig, type Config } from "./config.js";

/** What a command needs is loaded once it is called: help needs none of it. */
const run =
  <Options extends unknown[]>(load: () => Promise<(config: Config, ...options: Options) => Promise<void>>) =>
  async (...options: Options): Promise<void> => {
    const command = await load();
    await command(readConfig(), ...options);
  };

const program = new Command("countersign")
  .description("One GraphQL backend for Apple signing across every organization that a company runs.")
  // `sandbox` and `sandbox key` both have a --port: what stands behind `key` is its own.
  .enablePositionalOptions();

program
  .command("serve", { isDefault: true })
  .description("serve the graph; on an empty database make the root organization and print its owner token once")
  .action(run(async () => (await import("./commands/serve.js")).serve));

program
  .command("init")
  .description("make a root organization and print its owner token once")
  .requiredOption("--organization <name>", "the name of the organization")
  .option("--json", "print {organizationId, token}")
  .action(run(async () => (await import("./commands/init.js")).init));

program
  .command("owner-token")
  .description("make another owner token of an organization, where the last was lost or has ended")
  .requiredOption("--organization <id>", "the id of the organization: org_…")
  .option("--json", "print {organizationId, token}")
  .action(run(async () => (await import("./commands/init.js")).ownerToken));

program
  .command("doctor")
  .description("say what works and what does not with each key that this server has, and what to do about it")
  .option("--organization <id>", "only the keys of one root organization: org_…")
  .option("--key <id>", "only one key: cred_…")
  .option("--json", "print {server, keys}")
  // Status 1 says that a key does not work: a wrong option is not that.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(run(async () => (await import("./commands/doctor.js")).doctor));

const auditCommand = program.command("audit").description("look at the log of what was done");
auditCommand
  .command("verify")
  .description("say whether any entry was changed, taken out, put in or moved, and which is the first")
  .option("--organization <id>", "only one root organization: org_…")
  .option("--json", "print a list of reports")
  .action(run(async () => (await import("./commands/audit.js")).auditVerify));
auditCommand
  .command("export")
  .description("print every entry, one JSON object a line")
  .option("--organization <id>", "only one root organization: org_…")
  .action(run(async () => (await import("./commands/audit.js")).auditExport));

program
  .command("organization")
  .description("delete a root organization")
  .command("delete")
  .description("delete a root organization with all that is its own, and destroy its data keys, for good")
  .argument("<id>", "the id of the organization: org_…")
  .option("--yes", "without asking for its name")
  .option("--json", "print what is left to tell")
  .action(run(async () => (await import("./commands/organization.js")).organizationDelete));

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
  .action(run(async () => (await import("./commands/vault.js")).vaultRotate));

program
  .command("migrate")
  .description("bring the database up to date, as its owner")
  .action(run(async () => (await import("./commands/migrate.js")).migrate));

program
  .command("demo")
  .description("tell the whole story on a throw-away database, with the sandbox as Apple")
  .option("--once", "end after the story, with exit status 0 only if every step was as expected")
  .action(run(async () => (await import("./commands/demo.js")).demo));

const sandboxCommand = program.command("sandbox").description("run an App Store Connect to try and test against");
sandboxCommand
  .option("--port <port>", `the port, ${SANDBOX_PORT} by default`)
  .option("--enterprise-port <port>", "a port of its own for the Enterprise Program; by default both are on one")
  .option("--per-hour <calls>", "calls of a key in a rolling hour, 3600 by default")
  .option("--per-minute <calls>", "calls of a key in a rolling minute; by default minutes are not counted")
  .option("--page-delay-ms <ms>", "how long each answer takes, 0 by default")
  .option("--list-lag-ms <ms>", "for how long lists do not show a change, 0 by default")
  .action(run(async () => (await import("./commands/sandbox.js")).sandbox));
sandboxCommand
  .command("key")
  .description("register a key with a running sandbox")
  .addOption(
    new Option("--program <program>", "which program").choices(["app-store", "enterprise"]).default("app-store"),
  )
  .option("--individual", "one person's key instead of a team's")
  .option("--port <port>", "the port of the sandbox; by default the one that runs")
  .option("--json", "print {keyId, issuerId, privateKey}")
  .action(run(async () => (await import("./commands/sandbox.js")).sandboxKey));

program
  .command("schema", { hidden: true })
  .description("write the graph's SDL to schema/schema.graphql")
  .action(async () => (await import("./commands/schema.js")).emitSchema());

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : "The command failed.");
  process.exitCode = 1;
}
