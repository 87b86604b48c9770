import { describe, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { settings } from './settings.ts'

describe('loadConfig', () => {
  it('takes defaults that satisfy their own limits and relations', () => {
    const loaded = loadConfig({ env: {} })
    expect(loaded.ok && loaded.config.partitions).toBe(6)
    for (const setting of Object.values(settings)) {
      const { fallback } = setting
      const text = Array.isArray(fallback) ? fallback.join(',') : String(fallback)
      expect(setting.parse(text), setting.variable).toEqual(fallback)
    }
  })

  it('takes values from the environment, and the command line over them', () => {
    const loaded = loadConfig({ env: { DATAJOB_PORT: '9000', DATAJOB_HOST: 'localhost' }, overrides: { port: 0 } })
    expect(loaded).toMatchObject({ ok: true, config: { port: 0, host: 'localhost' } })
  })

  it('says everything that is wrong at once, naming variable, value and limit', () => {
    const loaded = loadConfig({ env: { DATAJOB_PORT: '70000', DATAJOB_ROLES: 'facade,cook', DATAJOB_PROT: '1' } })
    expect(loaded).toEqual({
      ok: false,
      problems: [
        'DATAJOB_PROT: there is no such setting (docs/config.md lists them all)',
        'DATAJOB_ROLES: "facade,cook" is not allowed (list; some of facade, coordinator, dispatcher, projector, notifier)',
        'DATAJOB_PORT: "70000" is not allowed (port; 0 to 65535)',
      ],
    })
  })

  it('never repeats a secret that is wrong', () => {
    const loaded = loadConfig({ env: { DATAJOB_CLIENT_TOKENS: 'too short' } })
    expect(JSON.stringify(loaded)).not.toContain('too short')
    expect(loaded.ok).toBe(false)
  })

  it.each([
    [{ DATAJOB_HEARTBEAT_INTERVAL_MS: '6000' }, 'DATAJOB_HEARTBEAT_INTERVAL_MS (6000) must be below DATAJOB_SESSION_TIMEOUT_MS (6000)'],
    [{ DATAJOB_TRANSACTION_TIMEOUT_MS: '7000' }, 'DATAJOB_TRANSACTION_TIMEOUT_MS (7000) must be below DATAJOB_SESSION_TIMEOUT_MS'],
    [{ DATAJOB_PROGRESS_TIMEOUT_MS: '6000' }, 'DATAJOB_SESSION_TIMEOUT_MS (6000) must be below DATAJOB_PROGRESS_TIMEOUT_MS (6000)'],
    [{ DATAJOB_EVENT_LOOP_TIMEOUT_MS: '6000' }, 'DATAJOB_SESSION_TIMEOUT_MS (6000) must be below DATAJOB_EVENT_LOOP_TIMEOUT_MS (6000)'],
    [{ DATAJOB_EFFECT_TIMEOUT_MS: '900000' }, 'DATAJOB_RESULT_TIMEOUT_MS (900000) must be below DATAJOB_EFFECT_TIMEOUT_MS (900000)'],
    [{ DATAJOB_EVENT_BYTES_MAX: '10000' }, 'DATAJOB_EVENT_BYTES_MAX (10000) must be at least 6 × DATAJOB_PATH_LENGTH_MAX (4096)'],
    [{ DATAJOB_CALLS_IN_FLIGHT_MAX: '500' }, 'DATAJOB_PLUGIN_CONNECTIONS_MAX (512) must be at least DATAJOB_CALLS_IN_FLIGHT_MAX (500) + '],
    [{ DATAJOB_ROLES: 'facade' }, 'run both in one process'],
  ])('refuses settings that do not go together: %o', (env, problem) => {
    const loaded = loadConfig({ env })
    expect(!loaded.ok && loaded.problems.join('\n')).toContain(problem)
  })
})
