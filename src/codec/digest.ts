import { hash } from 'node:crypto'
import type { SubmitJob } from '../domain/messages.ts'

/** What makes two submissions ask for the same. */
export type Asked = Pick<
  SubmitJob,
  'tenant' | 'kind' | 'destination' | 'dataAcceptType' | 'dataContentType' | 'operations' | 'dependencies'
>

/**
 * SHA-256 in hex over a JSON array of what a submission asks for, the operations in their order. Who asks, when, how
 * urgently and under which id is not in it. Values and options count as the texts they came as.
 */
export function digestOf(asked: Asked): string {
  const { tenant, kind, dataAcceptType, dataContentType, operations, dependencies } = asked
  const canonical = [
    tenant,
    kind,
    asked.destination ?? '',
    dataAcceptType,
    dataContentType,
    operations.map(({ operationId, op, path, value, options }) => [operationId, op, path, value, options]),
    dependencies.map(({ operationId, parents }) => [operationId, parents]),
  ]
  return hash('sha256', JSON.stringify(canonical))
}
