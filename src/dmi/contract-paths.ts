import type { DmiContract, SubjobCall } from './dmi-service.ts'

/** Where a contract's calls go: paths with their queries, behind the service's base URL. */
interface ContractPaths {
  submit(call: SubjobCall): string
  status(call: SubjobCall, dataProducerJobId: string): string
  result(call: SubjobCall, dataProducerJobId: string): string
  cancel(call: SubjobCall, dataProducerJobId: string): string
}

function dataJob(call: SubjobCall, dataProducerJobId: string): string {
  return `/dmi/v1/dataJob/${encoded(call.requestId)}/dataProducerJob/${encoded(dataProducerJobId)}`
}

function cmJob(call: SubjobCall, dataProducerJobId: string): string {
  return `/dmi/v1/cmwriteJob/dataProducer/${encoded(call.dataProducerId)}/dataProducerJob/${encoded(dataProducerJobId)}`
}

/**
 * Contract page, "Us → DMI". An empty destination or producer is sent as an empty value: the contract requires both
 * parameters. In `cmJob` a read job, too, is asked after under `cmwriteJob`: the contract has no such path for reads.
 */
export const contractPaths: Record<DmiContract, ContractPaths> = {
  dataJob: {
    submit: (call) =>
      `/dmi/v1/dataJob/${encoded(call.requestId)}/${call.kind === 'READ' ? 'readJob' : 'writeJob'}` +
      `?destination=${encoded(call.destination)}`,
    status: (call, id) => `${dataJob(call, id)}/status?dataProducerId=${encoded(call.dataProducerId)}`,
    result: (call, id) =>
      `${dataJob(call, id)}/result` +
      `?dataProducerId=${encoded(call.dataProducerId)}&destination=${encoded(call.destination)}`,
    cancel: (call, id) => `${dataJob(call, id)}?dataProducerId=${encoded(call.dataProducerId)}`,
  },
  cmJob: {
    submit: (call) =>
      `/dmi/v1/${call.kind === 'READ' ? 'cmreadJob' : 'cmwriteJob'}?destination=${encoded(call.destination)}`,
    status: (call, id) => `${cmJob(call, id)}/status`,
    result: (call, id) => `${cmJob(call, id)}/result?destination=${encoded(call.destination)}`,
    cancel: cmJob,
  },
}

function encoded(value: string): string {
  // Half a surrogate pair has no UTF-8 form; encodeURIComponent would throw on it.
  return encodeURIComponent(value.toWellFormed())
}

/** Whether a value would change the path it is put into: encoded or not, servers take `.` and `..` for directions. */
export function isDotSegment(value: string): boolean {
  return value === '.' || value === '..'
}

/** Whether a path, with its query, has such a value in it. */
export function hasDotSegment(path: string): boolean {
  return /(?:^|[/?])\.{1,2}(?:$|[/?])/.test(path)
}
