import { defineConfig } from 'vitest/config'

// What needs no server. The suites that do are in vitest.stack.config.ts.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'stack/**/*.test.ts', 'bench/**/*.test.ts', 'test/{harness,property,simulation,tidy}/**/*.test.ts'],
    testTimeout: 30_000,
    // A second, which it is by default, is nothing on a machine that does other work.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
  },
})
