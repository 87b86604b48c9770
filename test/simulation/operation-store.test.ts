import { exerciseOperationStore } from '../contract/operation-store.ts'
import { openHeapStore } from '../fakes/heap-store.ts'

exerciseOperationStore('on the heap', openHeapStore)
