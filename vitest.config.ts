import { defineConfig } from 'vitest/config';
import { createCountReporter } from './test/support/count-reporter.ts';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need programs of their own, a browser and promtool, or another release: npm run test:console, test:alerts, test:upgrade.
    exclude: [
      ...(process.env.CONSOLE ? [] : ['test/console/**']),
      ...(process.env.ALERTS ? [] : ['test/alerts/**/*.test.ts']),
      ...(process.env.UPGRADE_FROM === undefined ? ['test/upgrade/**'] : []),
    ],
    globalSetup: ['test/support/global-redis.ts'],
    // Waits are filled by others' computing; more of them would rather be in each other's way.
    maxWorkers: 5,
    // Loading the same modules anew for each file would take a third of the time; no test leaves anything behind for the next.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    setupFiles: ['test/support/patience.ts'],
    // No test rests on how fast the machine is.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 90_000 } },
    reporters: ['default', createCountReporter()],
  },
});
