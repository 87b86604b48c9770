/** Cores and memory of the machine, given to one command at a time: what is given away is nobody else's. */

export interface Need {
  readonly cores: number
  readonly memoryMB: number
}

export interface Allotment {
  /** Numbers of the processors that the command runs on. */
  readonly cores: readonly number[]
  readonly memoryMB: number
}

export class Capacity {
  /** Lowest first, so that the same ones are used again. */
  #cores: readonly number[]
  #memoryMB: number

  /** @param cores numbers of the processors */
  constructor(cores: readonly number[], memoryMB: number) {
    this.#cores = [...cores].sort((a, b) => a - b)
    this.#memoryMB = memoryMB
  }

  get free(): Need {
    return { cores: this.#cores.length, memoryMB: this.#memoryMB }
  }

  /** Null while that much is not free. */
  take({ cores, memoryMB }: Need): Allotment | null {
    if (cores > this.#cores.length || memoryMB > this.#memoryMB) return null
    const taken = this.#cores.slice(0, cores)
    this.#cores = this.#cores.slice(cores)
    this.#memoryMB -= memoryMB
    return { cores: taken, memoryMB }
  }

  giveBack({ cores, memoryMB }: Allotment): void {
    this.#cores = [...this.#cores, ...cores].sort((a, b) => a - b)
    this.#memoryMB += memoryMB
  }
}
