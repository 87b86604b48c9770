/**
 * Tables of the embedded read model. A row's document is the whole Job or SubjobRow as JSON; the columns beside it are
 * those that are searched. Each index ends with the other filters, so that a page under several filters reads no row that
 * it doesn't show.
 */
import type { Job } from '../domain/job.ts'
import { FACETS_SCHEMA, type FacetsOf } from './job-facets.ts'

/**
 * What a dialect's lists find a job by, such as the process that it executes; empty for none. A dialect's data is nothing that the
 * read model knows, so it is given this; another answer for the same job is another version of the schema.
 */
export type SubjectOf = (job: Job) => string

export interface DialectColumns {
  readonly subjectOf: SubjectOf
  /** The dialect whose jobs have facets; each kind of list needs a table, so there is one. */
  readonly facetedDialect: string
  readonly facetsOf: FacetsOf
}

/** To be raised with every change of the tables or of what a document holds; a file of another version is rebuilt. */
export const SCHEMA_VERSION = 14

const FILTER_COLUMNS = ['status', 'destination', 'kind', 'tenant', 'dialect'] as const

const indexes = [
  indexOn('jobs_by_time', ['created_at', 'number', ...FILTER_COLUMNS]),
  ...FILTER_COLUMNS.map((column) => {
    const others = FILTER_COLUMNS.filter((each) => each !== column)
    return indexOn(`jobs_by_${column}`, [column, 'created_at', 'number', ...others])
  }),
  // The jobs that a dialect shows to a tenant are also searched by what only it asks for, and counted.
  indexOn('jobs_by_tenant_and_dialect', ['tenant', 'dialect', 'created_at', 'number', 'status', 'subject', 'started_at', 'finished_at']),
]

export const SCHEMA = `
  CREATE TABLE origin (identity TEXT NOT NULL) STRICT;
  CREATE TABLE positions (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (topic, partition)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE jobs (
    job_id TEXT NOT NULL UNIQUE, number INTEGER NOT NULL, created_at INTEGER NOT NULL, status TEXT NOT NULL,
    destination TEXT NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, dialect TEXT NOT NULL, version INTEGER NOT NULL,
    document TEXT NOT NULL, subject TEXT NOT NULL, started_at INTEGER, finished_at INTEGER
  ) STRICT;
  ${indexes.join('\n  ')}
  CREATE INDEX jobs_by_number ON jobs (number);
  CREATE TABLE subjobs (
    job_id TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, reported_at INTEGER, points INTEGER,
    PRIMARY KEY (job_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX subjobs_reported ON subjobs (job_id, reported_at, points) WHERE reported_at IS NOT NULL;
  ${FACETS_SCHEMA}
  CREATE TABLE forgotten (job_id TEXT PRIMARY KEY NOT NULL, forgotten_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX forgotten_by_time ON forgotten (forgotten_at);
  PRAGMA user_version = ${SCHEMA_VERSION};
`

function indexOn(name: string, columns: readonly string[]): string {
  return `CREATE INDEX ${name} ON jobs (${columns.join(', ')});`
}
