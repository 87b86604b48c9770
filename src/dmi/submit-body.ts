/** What a submission says about all of its operations; what is null or empty is left out. */
export interface SubmitHead {
  /** The bare name of the topic or bucket. */
  readonly destination: string
  readonly dataAcceptType: string | null
  readonly dataContentType: string | null
  /** Always sent, for the contract requires it; may be empty. */
  readonly dataProducerId: string
  readonly dataJobId: string
}

export interface SubmitOperation {
  readonly operationId: string | number
  readonly op: string
  readonly path: string
  readonly moduleSetTag: string
  /** JSON text, written as it is. */
  readonly value?: string | null | undefined
  /** JSON text of an object with a read's extras, whose members are written as they are. */
  readonly options?: string | null | undefined
}

/**
 * The body of a submission, its members in the contract's order (contract page, "Us → DMI"). Values and extras are
 * spliced in as the texts that the client sent, never parsed: what the producer gets is what the client wrote.
 */
export function submitBody(head: SubmitHead, operations: Iterable<SubmitOperation>): Buffer {
  let body = '{'
  if (head.destination !== '') body += `"destination":${JSON.stringify(head.destination)},`
  if (head.dataAcceptType !== null) body += `"dataAcceptType":${JSON.stringify(head.dataAcceptType)},`
  if (head.dataContentType !== null) body += `"dataContentType":${JSON.stringify(head.dataContentType)},`
  body += `"dataProducerId":${JSON.stringify(head.dataProducerId)},"dataJobId":${JSON.stringify(head.dataJobId)},`
  body += '"data":['
  let separator = ''
  for (const operation of operations) {
    body += separator + operationText(operation)
    separator = ','
  }
  return Buffer.from(`${body}]}`)
}

function operationText(operation: SubmitOperation): string {
  const { path, op, moduleSetTag, options, value, operationId } = operation
  let text = `{"path":${JSON.stringify(path)},"op":${JSON.stringify(op)},"moduleSetTag":${JSON.stringify(moduleSetTag)}`
  const extras = options === undefined || options === null ? '' : membersOf(options)
  if (extras !== '') text += `,${extras}`
  if (value !== undefined && value !== null) text += `,"value":${value}`
  return `${text},"operationId":${JSON.stringify(operationId)}}`
}

function membersOf(options: string): string {
  const object = options.trim()
  if (!/^\{.*\}$/s.test(object)) throw new TypeError("an operation's options are not a JSON object")
  return object.slice(1, -1).trim()
}
