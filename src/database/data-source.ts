import { DataSource } from "typeorm";
import { entities } from "../entities/index.js";
import { migrations } from "./migrations.js";
import { SnakeNamingStrategy } from "./naming.js";
import { STATEMENT_TIMEOUT_MS } from "./read-pool.js";

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000;

/** A connection pool to PostgreSQL with the entities and migrations of this project. Nothing connects before `initialize()`. */
export function makeDataSource(url: string, poolSize = 20): DataSource {
  return new DataSource({
    type: "postgres",
    url,
    entities: [...entities],
    migrations,
    migrationsTransactionMode: "all",
    namingStrategy: new SnakeNamingStrategy(),
    synchronize: false,
    logging: false,
    applicationName: "countersign",
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolSize,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    },
  });
}
