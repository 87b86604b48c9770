import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { passFailpoint } from './failpoints.ts'

describe('a failpoint', () => {
  it('is told to who listens, with whose moment it is, and to nobody else', () => {
    const heard: unknown[] = []
    const hear = (detail: unknown): void => {
      heard.push(detail)
    }
    passFailpoint('lane.commit.before', 'unheard')
    subscribe('datajob.lane.commit.before', hear)
    passFailpoint('lane.commit.before', 'coordinator')
    passFailpoint('lane.commit.after', 'another')
    unsubscribe('datajob.lane.commit.before', hear)
    passFailpoint('lane.commit.before', 'unheard')
    expect(heard).toEqual(['coordinator'])
  })
})
