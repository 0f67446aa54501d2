/** Jest runs the compiled tests: `npm test` compiles first. */
export default {
  rootDir: "dist",
  testMatch: ["<rootDir>/test/**/*.test.js"],
  transform: {},
  testEnvironment: "node",
  globalSetup: "<rootDir>/test/support/global-setup.js",
  globalTeardown: "<rootDir>/test/support/global-teardown.js",
  testTimeout: 120_000,
  // Much of the time is waiting, for PostgreSQL, for the sandbox and for processes of their own.
  maxWorkers: 3,
};
