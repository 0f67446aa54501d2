import type { PoolConfig } from "pg";
import { DataSource } from "typeorm";
import { entities } from "../entities/index.js";
import { CONNECTION_LIMITS, LOCK_SESSION, POOL_LIMITS } from "./availability.js";
import { migrations } from "./migrations.js";
import { SnakeNamingStrategy } from "./naming.js";

/** A connection pool to PostgreSQL with the entities and migrations of this project. Nothing connects before `initialize()`. */
export function makeDataSource(url: string, poolSize = 20): DataSource {
  return make(url, poolSize, POOL_LIMITS);
}

/** As `makeDataSource`, for migrations: they take the time they take, and hold a lock. */
export function makeOwnerDataSource(url: string): DataSource {
  return make(url, 2, { ...CONNECTION_LIMITS, options: LOCK_SESSION });
}

function make(url: string, poolSize: number, limits: PoolConfig): DataSource {
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
    poolSize,
    extra: limits,
  });
}
