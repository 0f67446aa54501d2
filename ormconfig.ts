import "reflect-metadata";
import { readConfig } from "./src/config.js";
import { makeDataSource } from "./src/database/data-source.js";

const config = readConfig();

/** For the typeorm command: `npx typeorm -d dist/ormconfig.js migration:show`. Connects as the owner. */
export const dataSource = makeDataSource(
  config.databaseOwnerUrl ?? config.databaseUrl ?? "postgres://127.0.0.1/countersign",
);
