import { defineConfig } from 'vitest/config';
import { createCountReporter } from './test/support/count-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-redis.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default', createCountReporter()],
  },
});
