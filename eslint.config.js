import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "data/", "test/support/operations.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Entities and resolvers are classes because TypeORM and type-graphql read decorators off classes.
      "@typescript-eslint/no-extraneous-class": "off",
      // Hot reads map rows to plain objects on purpose: classes of the graph are their types, not their constructors.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      // Predicates of rules name the parent and arguments they read.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true } }],
    },
  },
  {
    // Jest wants these as default exports.
    files: ["test/support/global-*.ts"],
    rules: { "no-restricted-exports": "off" },
  },
  {
    // Servers to compare with: their packages are not the product's, so they are not compiled with it.
    files: ["bench/peers/*.mjs"],
    languageOptions: { globals: { console: "readonly", process: "readonly" } },
  },
);
