/** What became of one operation, in the codes that NCMP clients know (contract page, "Results on a topic"). */
export const ResponseCode = {
  Success: 0,
  Accepted: 1,
  HandleNotFound: 100,
  HandleNotReady: 101,
  ServiceNotResponding: 102,
  UnableToRead: 103,
  Rejected: 104,
  SouthboundBusy: 107,
  UnknownError: 108,
  InvalidId: 110,
  MessageTooLarge: 112,
} as const

export type ResponseCode = (typeof ResponseCode)[keyof typeof ResponseCode]

const messages: Record<ResponseCode, string> = {
  0: 'Successfully applied changes',
  1: 'ACCEPTED',
  100: 'cm handle reference(s) not found',
  101: 'cm handle(s) not ready',
  102: 'dmi plugin service is not responding',
  103: 'dmi plugin service is not able to read resource data',
  104: 'REJECTED',
  107: 'southbound system is busy',
  108: 'Unknown error',
  110: 'invalid character(s) in id',
  112: 'message too large',
}

export function messageOf(code: ResponseCode): string {
  return messages[code]
}

/** Whether a producer's code for an operation means that it was done, or taken on by the network. */
export function isSuccess(code: number): boolean {
  return code === ResponseCode.Success || code === ResponseCode.Accepted
}
