import { defineConfig } from 'vitest/config'

// What needs no server. The suites that do are in vitest.stack.config.ts.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'stack/**/*.test.ts', 'bench/**/*.test.ts', 'test/{harness,property,simulation,tidy}/**/*.test.ts'],
    testTimeout: 30_000,
    maxWorkers: 2,
  },
})
