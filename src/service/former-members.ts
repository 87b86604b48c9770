/**
 * As what groups know the processes that run on a data folder. One that was killed stays a member until its session is over, and its
 * lanes stand still for so long: who is started on its folder dismisses it. Whether it lives is asked of this machine; should that be
 * wrong, because another machine has the same folder, who was dismissed joins again, and one rebalance more is all that comes of it.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { KafkaAdmin } from '../kafka/port.ts'

export interface FormerMembersOptions {
  readonly dataFolder: string
  readonly pid: number
  /** Whether a process with that id runs on this machine. */
  readonly isAlive: (pid: number) => boolean
  readonly logger: Pick<Logger, 'warn'>
}

const FILE = /^(\d+)\.json$/

export class FormerMembers {
  readonly #options: FormerMembersOptions
  readonly #folder: string
  readonly #current = new Map<string, string>()

  constructor(options: FormerMembersOptions) {
    this.#options = options
    this.#folder = join(options.dataFolder, 'members')
  }

  /** Called before anything is remembered. Never rejects: who is not dismissed is waited for. */
  async dismiss(admin: Pick<KafkaAdmin, 'dismissMember'>): Promise<void> {
    const { pid, isAlive, logger } = this.#options
    for (const file of this.#files()) {
      const its = Number(FILE.exec(file)?.[1])
      if (its !== pid && isAlive(its)) continue
      try {
        for (const [groupId, memberId] of membersIn(join(this.#folder, file))) await admin.dismissMember(groupId, memberId)
        rmSync(join(this.#folder, file), { force: true })
      } catch (error) {
        logger.warn({ err: error }, 'members of before could not be dismissed: their groups wait for the end of their sessions')
      }
    }
  }

  /** The group knows this process by that id now, and by no other. Never throws. */
  remember(groupId: string, memberId: string): void {
    if (this.#current.get(groupId) === memberId) return
    this.#current.set(groupId, memberId)
    const file = join(this.#folder, `${this.#options.pid}.json`)
    try {
      mkdirSync(this.#folder, { recursive: true })
      writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(this.#current)))
      renameSync(`${file}.new`, file)
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'memberships can not be remembered: if this process is killed, its sessions are waited for')
    }
  }

  #files(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => FILE.test(name))
    } catch {
      return []
    }
  }
}

// A file that can't be understood is as good as none.
function membersIn(file: string): readonly (readonly [groupId: string, memberId: string])[] {
  const members = parsed(readFileSync(file, 'utf8'))
  if (typeof members !== 'object' || members === null) return []
  return Object.entries(members).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** By a signal that says nothing; of a process that is not ours it is known, too, that it runs. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
