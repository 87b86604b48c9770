import { exerciseCodec } from '../contract/codec.ts'
import { jsonCodec } from '../fakes/json-codec.ts'

exerciseCodec('of unit tests and the simulation', () => Promise.resolve(jsonCodec))
