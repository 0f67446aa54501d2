import { env } from "node:process";

// As the server runs: graphql, Apollo and others do more and say more where this is not production.
env.NODE_ENV = "production";

/** Jest runs the compiled tests: `npm test` compiles first. */
export default {
  rootDir: "dist",
  testMatch: ["<rootDir>/test/**/*.test.js"],
  transform: {},
  testEnvironment: "node",
  globalSetup: "<rootDir>/test/support/global-setup.js",
  globalTeardown: "<rootDir>/test/support/global-teardown.js",
  // What hangs ends some day; what is merely slow, on a machine that is, does not fail.
  testTimeout: 300_000,
  // Much of the time is waiting, for PostgreSQL, for the sandbox and for processes of their own.
  maxWorkers: 3,
};
