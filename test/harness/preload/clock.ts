/**
 * Preloaded into a process under test: its wall clock jumps by `CHAOS_CLOCK_MS` at each SIGUSR2, and back at the next one. Monotonic
 * time and timers are as they are, which is what a machine whose clock is set looks like.
 */
const shiftMs = Number(process.env['CHAOS_CLOCK_MS'])
if (!Number.isSafeInteger(shiftMs)) throw new Error(`CHAOS_CLOCK_MS is "${process.env['CHAOS_CLOCK_MS'] ?? ''}", not milliseconds`)

const TrueDate = Date
let offsetMs = 0

class ShiftedDate extends TrueDate {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [ShiftedDate.now()] : given) as [number]))
  }

  static override now(): number {
    return TrueDate.now() + offsetMs
  }
}

globalThis.Date = ShiftedDate as DateConstructor
process.on('SIGUSR2', () => {
  offsetMs = offsetMs === 0 ? shiftMs : 0
})
