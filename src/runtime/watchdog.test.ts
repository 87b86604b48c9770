import { describe, expect, it } from 'vitest'
import { StallJudge, StandstillJudge, type Waiting } from './watchdog.ts'

const LOOK_MS = 1_000
const LIMIT_MS = 10_000

function waiting(changes: Partial<Waiting> = {}): Waiting {
  return { kind: 'lane', subject: 'lane 1', waitsFor: 'a commit', progress: 0, limitMs: LIMIT_MS, restart: () => undefined, ...changes }
}

/** Looks every second, and says what was found when. */
function watch(lookings: readonly { readonly all: readonly Waiting[]; readonly kafkaAnswers?: boolean }[]): string[] {
  const judge = new StandstillJudge({ lookEveryMs: LOOK_MS })
  return lookings.flatMap(({ all, kafkaAnswers = true }, at) =>
    judge.look(at * LOOK_MS, all, { kafkaAnswers }).map(({ waiting: { subject }, verdict }) => `${at} s: ${verdict} ${subject}`),
  )
}

const seconds = <T>(count: number, looking: (second: number) => T): T[] => Array.from({ length: count }, (_, at) => looking(at))

describe('what stands still', () => {
  it('is begun anew after its time, and what does not stand still is not', () => {
    const all = [waiting(), waiting({ subject: 'lane 2', limitMs: 60_000 })]
    expect(watch(seconds(15, () => ({ all })))).toEqual(['10 s: restart lane 1'])
  })

  it('has its time from the last progress on', () => {
    expect(watch(seconds(40, (at) => ({ all: [waiting({ progress: Math.floor(at / 9) })] })))).toEqual([])
    expect(watch(seconds(40, (at) => ({ all: [waiting({ waitsFor: at < 9 ? 'a commit' : 'records' })] })))).toEqual([
      '19 s: restart lane 1',
      '29 s: restart lane 1',
      '39 s: exit lane 1',
    ])
  })

  it('has its time anew whenever it was not waiting', () => {
    expect(watch(seconds(40, (at) => ({ all: at % 9 === 0 ? [] : [waiting()] })))).toEqual([])
  })

  it('ends the process when two restarts were of no help, whatever it did in between', () => {
    const all = (at: number): Waiting[] => [waiting({ waitsFor: at % 20 < 12 ? 'a commit' : 'records' })]
    expect(watch(seconds(60, (at) => ({ all: all(at) })))).toEqual(['10 s: restart lane 1', '30 s: restart lane 1', '50 s: exit lane 1'])
  })

  it('is begun anew again when the last times are long ago', () => {
    const judge = new StandstillJudge({ lookEveryMs: LOOK_MS })
    const verdicts = seconds(4_000, (at) => judge.look(at * LOOK_MS, at % 1_000 < 15 ? [waiting()] : [], { kafkaAnswers: true })).flat()
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['restart', 'restart', 'restart', 'restart'])
  })

  it('is let wait while Kafka does not answer, and said so again and again', () => {
    expect(watch(seconds(25, () => ({ all: [waiting()], kafkaAnswers: false })))).toEqual(['10 s: wait lane 1', '20 s: wait lane 1'])
  })

  it('is begun anew without Kafka where Kafka is not what it waits for', () => {
    const all = [waiting({ kind: 'effect' })]
    expect(watch(seconds(15, () => ({ all, kafkaAnswers: false })))).toEqual(['10 s: restart lane 1'])
  })

  it('is not charged for a time in which the process stood still itself', () => {
    const judge = new StandstillJudge({ lookEveryMs: LOOK_MS })
    expect(judge.look(0, [waiting()], { kafkaAnswers: true })).toEqual([])
    expect(judge.look(3_600_000, [waiting()], { kafkaAnswers: true })).toEqual([])
    expect(judge.look(3_608_000, [waiting()], { kafkaAnswers: true })).toEqual([])
  })
})

describe('an event loop that stalls', () => {
  const limits = { noticedMs: 1_000, sessionTimeoutMs: 6_000 }

  it('is none while timers are only a little late', () => {
    expect(new StallJudge(limits).look(0, { lateMs: 999, busyMs: 999 })).toBeNull()
  })

  it('was blocked if the process computed meanwhile, else stopped', () => {
    const judge = new StallJudge(limits)
    expect(judge.look(0, { lateMs: 2_000, busyMs: 1_900 })).toEqual({ ms: 2_000, cause: 'blocked', verdict: 'log' })
    expect(judge.look(0, { lateMs: 2_000, busyMs: 100 })).toEqual({ ms: 2_000, cause: 'stopped', verdict: 'log' })
  })

  it('ends the process when it was blocked for longer than a session three times in a while', () => {
    const judge = new StallJudge(limits)
    const blocked = (now: number): string | undefined => judge.look(now, { lateMs: 7_000, busyMs: 7_000 })?.verdict
    expect([0, 1_000_000, 1_100_000, 1_200_000].map(blocked)).toEqual(['log', 'log', 'log', 'exit'])
  })

  it('never ends a process for having been stopped', () => {
    const judge = new StallJudge(limits)
    const stopped = seconds(10, (at) => judge.look(at * 10_000, { lateMs: 9_000, busyMs: 10 })?.verdict)
    expect(new Set(stopped)).toEqual(new Set(['log']))
  })
})
