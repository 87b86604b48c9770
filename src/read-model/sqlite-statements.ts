import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** The statements of a database, each prepared once. Their texts are few: those in the code, and one for each set of filters. */
export class Statements {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  of(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }

  /** Returns how many rows it changed. */
  run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.of(sql).run(...values).changes)
  }

  documents(sql: string, ...values: (string | number)[]): readonly string[] {
    return this.of(sql)
      .all(...values)
      .map((row) => String(row['document']))
  }
}
