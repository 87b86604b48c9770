import { describe, expect, it } from 'vitest'
import { exampleDispatch, exampleFacts } from '../../../test/fakes/domain-examples.ts'
import { RecordedTurn } from '../../../test/fakes/recorded-turn.ts'
import { newAssignment } from '../../domain/assignment.ts'
import { jobId } from '../../domain/ids.ts'
import { evolveJob } from '../../domain/job.ts'
import { JobBook } from './job-book.ts'
import { openHeapStore } from '../../../test/fakes/heap-store.ts'

const job = evolveJob(undefined, { type: 'JobAccepted', facts: exampleFacts({ jobId: jobId('a/1') }), operations: 2, subjobs: 2 })
const assignment = (index: number, parents = 0): ReturnType<typeof newAssignment> =>
  newAssignment({ index, producerKey: 'dmi-1#p1', operations: 1, children: [], run: 1 }, parents)

describe('a book of jobs', () => {
  it('keeps a job and its subjobs under keys that no job id can mix up', () => {
    const { turn } = written()
    expect(turn.stored.map((each) => each.key)).toEqual(['job:a/1', 'subjob:a/1/0', 'subjob:a/1/1'])
  })

  it('is the same after it was read back, subjobs before their job or behind it', () => {
    const { book, turn } = written()
    for (const order of [turn.stored, turn.stored.toReversed()]) {
      const restored = new JobBook(openHeapStore())
      for (const { key, entry } of order) restored.restore(key, entry)
      expect(restored.get('a/1')).toEqual(book.get('a/1'))
      expect(restored.openSubjobs).toBe(2)
    }
  })

  it('holds no more subjobs once they were dropped, live or read back', () => {
    const { book, turn } = written()
    book.dropAssignments(book.get('a/1')!, turn)
    const restored = new JobBook(openHeapStore())
    for (const { key, entry } of turn.stored) restored.restore(key, entry)
    for (const each of [book, restored]) {
      expect(each.openSubjobs).toBe(0)
      expect(each.get('a/1')).toMatchObject({ assignments: new Map(), held: new Map() })
    }
  })

  it('forgets a job, live or read back', () => {
    const { book, turn } = written()
    book.dropAssignments(book.get('a/1')!, turn)
    book.forget(book.get('a/1')!, turn)
    const restored = new JobBook(openHeapStore())
    for (const { key, entry } of turn.stored) restored.restore(key, entry)
    expect([[...book.all()], [...restored.all()]]).toEqual([[], []])
  })

  it('reads over deletions of what it never saw', () => {
    const restored = new JobBook(openHeapStore())
    restored.restore('subjob:a/1/0', null)
    restored.restore('job:a/1', null)
    expect([...restored.all()]).toEqual([])
    expect(restored.openSubjobs).toBe(0)
  })
})

function written(): { book: JobBook; turn: RecordedTurn<never> } {
  const turn = new RecordedTurn<never>(1)
  const book = new JobBook(openHeapStore())
  const entry = book.add(job, { groups: [], authorization: null }, turn)
  book.changeAssignment(entry, assignment(0), null, turn)
  book.changeAssignment(entry, assignment(1, 1), exampleDispatch({ jobId: 'a/1', index: 1 }), turn)
  return { book, turn }
}
