import type { Operation } from '../../domain/operation.ts'
import { Refusal } from '../errors.ts'
import type { JobIntake, JobRequest, TakenJob } from './job-intake.ts'

/** Takes a job whose operations are all there. Resolves once it is durable; throws a 400 on an operation, and as JobIntake.take does. */
export function takeAtHand(intake: JobIntake, request: JobRequest, operations: readonly Operation[]): Promise<TakenJob> {
  return intake.admit(async () => {
    const upload = intake.upload(request)
    try {
      const wrong = await upload.operations.take(operations, request.kind)
      if (wrong !== null) throw new Refusal(400, `${wrong.field}: ${wrong.message}`)
      return (await intake.take(request, upload)).job
    } finally {
      await upload.operations.close()
    }
  })
}
