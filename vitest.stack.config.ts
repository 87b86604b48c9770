import { defineConfig } from 'vitest/config'

// Suites against a real broker, registry and S3 server, started once for the whole run.
export default defineConfig({
  test: {
    include: ['test/{contract,integration,chaos}/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // None of them is what a test measures: a machine that does other work may take several times what this one does.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
  },
})
