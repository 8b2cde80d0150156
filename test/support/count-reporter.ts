import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with one plain line, `N passed, N failed, N skipped`, which other programs read. */
export function createCountReporter(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
      for (const module of modules) for (const test of module.children.allTests()) counts[test.result().state] += 1;
      process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
    },
  };
}
