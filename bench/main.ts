// The benchmarks: ratios of things that are run side by side, since numbers of one machine say nothing of another.
// Redis from REDIS_URL, else a private one that is gone afterwards.
import { startRedis } from '../test/support/redis.ts';
import { compareBacklogs } from './backlog.ts';
import { compareTakes } from './takes.ts';

const own = process.env.REDIS_URL ? undefined : await startRedis();
const redisUrl = process.env.REDIS_URL ?? own?.url ?? '';
try {
  for (const compare of [compareTakes, compareBacklogs]) {
    const { title, headings, rows } = await compare(redisUrl);
    process.stdout.write(`\n${title}\n\n${table([headings, ...rows])}`);
  }
} finally {
  await own?.stop();
}

function table(lines: string[][]): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) => `  ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
    .concat('\n');
}
