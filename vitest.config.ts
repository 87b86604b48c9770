import { defineConfig } from 'vitest/config'

// What needs no server. The suites that do are in vitest.stack.config.ts.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'stack/**/*.test.ts', 'bench/**/*.test.ts', 'test/{harness,property,simulation,tidy}/**/*.test.ts'],
    // None of them is what a test measures: a machine that does other work may take several times what this one does.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
  },
})
