import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { freePort, runCommand } from '../support/service.ts';

/* The command line, as a process of its own. */

let emulators: Emulators;
let environment: Record<string, string>;

beforeAll(async () => {
  emulators = await startEmulators();
  environment = {
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
  };
});

afterAll(() => emulators.close());

describe('connector', () => {
  it('ends with 64 and says how it is used when it does not understand, before it opens anything', async () => {
    const answers = await Promise.all([[], ['explode'], ['exposures', '--jason']].map((args) => runCommand(args, {})));
    expect(answers.map(({ code }) => code)).toEqual([64, 64, 64]);
    for (const { stderr } of answers) expect(stderr).toMatch(/Usage: connector/);
    expect(answers.map(({ stdout }) => stdout).join('')).toBe('');
  });

  it('ends with 78 and names every problem of the configuration', async () => {
    const { code, stderr } = await runCommand(['exposures'], {});
    expect(code).toBe(78);
    expect(stderr).toContain('CMW_BASE_URL');
  });

  it('ends with 1 and one sentence when Redis does not answer', async () => {
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await runCommand(['exposures'], { ...environment, REDIS_URL });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Redis does not answer at REDIS_URL.*\(store\.unavailable\)/);
  });

  it('tells of each command how it is used', async () => {
    const { code, stdout } = await runCommand(['hold', '--help'], {});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: connector hold <id>… --reason <text>\n/);
  });

  it('presses for whoever sits at the terminal, which stands in the audit trail that the service shows', async () => {
    const look = await runCommand(['look', '50010', '--reason', 'an event may be lost'], environment);
    expect([look.code, look.stdout]).toEqual([0, '50010: look is accepted.\n']);
    const { stdout } = await runCommand(['audit', '--json'], environment);
    expect(JSON.parse(stdout)).toMatchObject({
      items: [{ by: userInfo().username, action: 'look', subscriptionId: 50010, reason: 'an event may be lost' }],
      total: 1,
    });
  });

  it('writes results for programs to stdout, and nothing else there', async () => {
    const { code, stdout } = await runCommand(['exposures', '--json'], environment);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ items: [], total: 0 });
  });

  it('rebuilds a store, and compares with it then', async () => {
    const rebuilt = await runCommand(['rebuild', '--json'], environment);
    expect(rebuilt.code).toBe(0);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ rebuilt: [], isWhole: true });
    const after = await runCommand(['reconcile', '--dry-run', '--json'], environment);
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({ dryRun: true, differences: [] });
  });
});
