import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endedPhase, sampleEnd, sampleJob } from '../../test/contract/read-model.ts'
import { openTestReadModel } from '../../test/fakes/test-read-model.ts'
import type { ReadModel } from './port.ts'
import { READ_MODEL_FILE } from './sqlite-file.ts'
import { SCHEMA_VERSION } from './sqlite-schema.ts'

describe('the file of the read model', () => {
  let folder: string
  let file: string
  const onDiscard = vi.fn<(reason: string) => void>()
  const open = (changes: { identity?: string; staleAfterMs?: number } = {}): ReadModel =>
    openTestReadModel({ folder, onDiscard, ...changes })
  const leaveJobs = async (count = 1): Promise<void> => {
    const model = open()
    const jobs = Array.from({ length: count }, (_, n) => sampleJob({ id: `job-${n}`, number: n, createdAt: n }))
    const changes = jobs.map((job) => ({ type: 'PutJob', version: 1, job }) as const)
    await model.apply({ changes, positions: [{ topic: 't', partition: 0, offset: 5 }] })
    await model.close()
  }
  const expectEmpty = async (model: ReadModel): Promise<void> => {
    expect(await model.positions()).toEqual([])
    expect((await model.jobs({}, { limit: 1, after: null })).items).toEqual([])
    await model.close()
  }

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'datajob-read-model-')), 'data')
    file = join(folder, READ_MODEL_FILE)
    onDiscard.mockClear()
    return () => {
      rmSync(join(folder, '..'), { recursive: true })
    }
  })

  it('keeps rows and positions over a restart', async () => {
    await leaveJobs()
    const model = open()
    expect(await model.job('job-0')).toEqual(sampleJob({ id: 'job-0', number: 0, createdAt: 0 }))
    expect(await model.positions()).toEqual([{ topic: 't', partition: 0, offset: 5 }])
    expect(onDiscard).not.toHaveBeenCalled()
    await model.close()
  })

  it('is built anew when it is of another schema version', async () => {
    await leaveJobs()
    const database = new DatabaseSync(file)
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    database.close()
    await expectEmpty(open())
    expect(onDiscard.mock.calls).toEqual([[`its schema is version ${SCHEMA_VERSION + 1}, not ${SCHEMA_VERSION}`]])
  })

  it('is built anew when it is of another cluster or of topics with another prefix', async () => {
    await leaveJobs()
    await expectEmpty(open({ identity: 'elsewhere/datajob.' }))
    expect(onDiscard.mock.calls).toEqual([['it holds "cluster/datajob.", not "elsewhere/datajob."']])
  })

  it('is built anew when it is so old that jobs may have been forgotten without its knowledge', async () => {
    await leaveJobs()
    utimesSync(file, 1_000, 1_000)
    await expectEmpty(open({ staleAfterMs: 86_400_000 }))
    expect(onDiscard).toHaveBeenCalledWith(expect.stringMatching(/^it was last written \d+ s ago, more than 86400 s$/))
  })

  it.each([
    ['is no database', 'no database '.repeat(1_000)],
    ['has a damaged first page', null],
  ])('is built anew when it %s', async (_, content) => {
    await leaveJobs()
    if (content === null) damage(file, 100)
    else writeFileSync(file, content)
    await expectEmpty(open())
    expect(onDiscard).toHaveBeenCalledWith(expect.stringContaining('damaged'))
  })

  it('goes on when the process that began it was killed before anything was created', async () => {
    await leaveJobs()
    truncateSync(file, 0)
    await expectEmpty(open())
    expect(onDiscard).not.toHaveBeenCalled()
  })

  it('is thrown away when it turns out to be damaged in use, so that the next start builds it anew', async () => {
    await leaveJobs(2_000)
    damage(file, 200_000)
    const model = open()
    const reading = model.jobs({}, { limit: 2_000, after: null })
    await expect(reading).rejects.toMatchObject({ name: 'ReadModelFailure', disposition: 'restart' })
    expect(existsSync(file)).toBe(false)
    await expect(model.job('job-1')).rejects.toMatchObject({ name: 'ReadModelFailure' })
    await model.close()
    await expectEmpty(open())
  })

  it.each([
    ['is full', 13, ['retry', 'retry', 'retry', 'retry']],
    ['fails', 778, ['retry', 'retry', 'restart', 'retry']],
  ])('on a disk that %s is waited for: room for ever, a failure for a while, and anew once it went well', async (_, errcode, expected) => {
    let now = 1_000_000
    const model = openTestReadModel({ folder, clock: { now: () => now }, diskFailureMsMax: 60_000 })
    const nothing = { changes: [], positions: [] }
    const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
    const failed = async (): Promise<unknown> => {
      exec.mockImplementationOnce(() => {
        throw Object.assign(new Error('disk I/O error'), { errcode })
      })
      return (await model.apply(nothing).catch((error: unknown) => error as { readonly disposition: unknown })) ?? null
    }
    const dispositions: unknown[] = []
    for (const afterMs of [0, 59_999, 1]) {
      now += afterMs
      dispositions.push(await failed())
    }
    await model.apply(nothing)
    dispositions.push(await failed())
    exec.mockRestore()
    expect(dispositions).toMatchObject(expected.map((disposition) => ({ disposition })))
    await model.close()
  })

  it('belongs to one process at a time', async () => {
    const model = open()
    expect(() => open()).toThrow(/in use by another process: give each process a data folder of its own/)
    await model.close()
    await open().close()
  })

  it('says what is wrong when the folder can not be used', () => {
    writeFileSync(join(folder, '..', 'file'), '')
    expect(() => openTestReadModel({ folder: join(folder, '..', 'file', 'data') })).toThrow(/can't be opened: .*ENOTDIR/)
  })

  it('holds what version 14 of the schema says; raise SCHEMA_VERSION when this fails', async () => {
    const model = open()
    await model.apply({
      changes: [
        { type: 'PutJob', version: 1, job: sampleJob({}, endedPhase('failed')) },
        { type: 'FoldSubjobEvent', event: sampleEnd(0), at: 1 },
      ],
      positions: [],
    })
    const keys = Object.keys({ ...(await model.job('job-1')) }).sort()
    const [row] = (await model.subjobs('job-1', { limit: 1, after: null })).items
    await model.close()
    expect(SCHEMA_VERSION).toBe(14)
    expect(keys.join(' ')).toBe(
      'abandonedAt attemptsMax callbacks createdAt dataAcceptType dataContentType deadlineAt destination dialect dialectData digest ' +
        'finishedAt generated held jobId kind labels message milestones number operations outcome parts partsLeft priority released run ' +
        'startedAt state strict subjobs submission submittedBy tenant traceparent',
    )
    expect(Object.keys({ ...row }).sort().join(' ')).toBe(
      'attempts failed finishedAt index jobId message object outcome plan run state succeeded',
    )
  })
})

/** Overwrites all from that byte on. */
function damage(file: string, from: number): void {
  const content = readFileSync(file)
  writeFileSync(file, content.fill(0x5a, from))
}
