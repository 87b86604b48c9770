import { defineConfig } from 'vitest/config'

// Suites against a real broker, registry and S3 server, started once for the whole run.
export default defineConfig({
  test: {
    include: ['test/{contract,integration,chaos}/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A second, which it is by default, is nothing on a machine that does other work.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
  },
})
