import { createLog, type Log } from '../../src/lib/log.ts';

/** The real log, writing into memory. */
export function createMemoryLog(level = 'debug'): { log: Log; lines: Record<string, unknown>[]; text: () => string } {
  const written: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level,
    destination: {
      write(line) {
        written.push(line);
        lines.push(JSON.parse(line));
      },
    },
  });
  return { log, lines, text: () => written.join('') };
}
