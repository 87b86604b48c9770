/** Timers of a subjob: its next step, its deadline, and when its producer is no longer waited for, or asked again to stop. */
export const STEP = 'step:'
export const DEADLINE = 'deadline:'
export const GIVE_UP = 'give-up:'
export const CANCEL = 'cancel:'

/** What a timer is for, and whose it is. */
export function subjobTimerOf(timer: string): readonly [kind: string, subjobId: string] {
  const colon = timer.indexOf(':') + 1
  return [timer.slice(0, colon), timer.slice(colon)]
}
