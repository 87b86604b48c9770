import { dirname, join } from 'node:path'

/** The folder for everything the stack keeps, `.stack` in the project. Git ignores it, and it may be deleted when nothing runs. */
export const stackHome = join(dirname(import.meta.dirname), '.stack')
