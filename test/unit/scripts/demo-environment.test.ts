import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { writeEnvironment } from '../../../scripts/demo/environment.ts';

it('a shell reads the environment of the demo as it was, nobody else can read it, and it goes with the demo', () => {
  const environment = {
    REDIS_URL: 'redis://:pa ss@127.0.0.1:6379/0?a=1&b=2',
    OPS_TOKEN: `it's "$HOME" \`id\` \\ ;#`,
    STATE_KEY: 'two\nlines',
  };
  const { path, remove } = writeEnvironment(environment);
  try {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const read = execFileSync('sh', ['-c', 'set -a; . "$1"; set +a; env -0', 'sh', path], { env: {} }).toString();
    const found = Object.fromEntries(
      read.split('\0').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
    );
    expect(found).toMatchObject(environment);
  } finally {
    remove();
  }
  expect(existsSync(path)).toBe(false);
});
