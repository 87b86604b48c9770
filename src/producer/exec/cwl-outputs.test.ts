import { describe, expect, it } from 'vitest'
import { soleFolder, withLocations } from './cwl-outputs.ts'

describe('what a CWL runner says it made', () => {
  it('is told with places that others reach, also within folders and lists', () => {
    const file = { class: 'File', location: 'file:///w/out/d/a%20b.json', path: '/w/out/d/a b.json', basename: 'a b.json', size: 2 }
    const made = { n: 1, list: [file], d: { class: 'Directory', location: 'file:///w/out/d', path: '/w/out/d', listing: [file] } }
    const told = { class: 'File', location: 's3://b/p/d/a b.json', basename: 'a b.json', size: 2 }
    expect(withLocations(made, '/w/out', (name) => `s3://b/p/${name}`)).toEqual({
      ...{ n: 1, list: [told], d: { class: 'Directory', location: 's3://b/p/d', listing: [told] } },
    })
  })

  it('keeps what is passed through from elsewhere', () => {
    const file = { class: 'File', location: 'https://example.org/x' }
    expect(withLocations(file, '/w/out', (name) => name)).toEqual(file)
  })
})

it('is one folder, or is not', () => {
  const folder = { class: 'Directory', location: 'file:///work/out/stac' }
  expect(soleFolder({ wf_outputs: folder }, '/work/out')).toBe('/work/out/stac')
  expect(soleFolder({ wf_outputs: folder, more: 1 }, '/work/out')).toBeNull()
  expect(soleFolder({ wf_outputs: { class: 'File', location: 'file:///work/out/a' } }, '/work/out')).toBeNull()
  expect(soleFolder({ wf_outputs: { class: 'Directory', location: 'file:///elsewhere' } }, '/work/out')).toBeNull()
  expect(soleFolder({}, '/work/out')).toBeNull()
})
