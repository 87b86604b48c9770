/**
 * Preloaded into a process under test: kills it, by SIGKILL and by itself, the nth time that it passes a failpoint. Nothing of it runs
 * after that moment. `CHAOS_FAILPOINT` is `name:count`, or `name@text:count` for passes whose detail has the text in it.
 */
import { subscribe } from 'node:diagnostics_channel'

const [, name = '', text = '', count = ''] = /^([a-z.]+)(?:@([^:]+))?:(\d+)$/.exec(process.env['CHAOS_FAILPOINT'] ?? '') ?? []
if (count === '') throw new Error(`CHAOS_FAILPOINT is "${process.env['CHAOS_FAILPOINT'] ?? ''}", not name:count`)

let left = Number(count)
subscribe(`datajob.${name}`, (detail) => {
  if (!String(detail).includes(text)) return
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
})
