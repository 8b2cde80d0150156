import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { userInfo } from 'node:os';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { freePort } from '../support/free-port.ts';
import { runCommand } from '../support/service.ts';

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

  it('ends with 1 and one sentence when Redis fails on the way', async () => {
    const REDIS_URL = Object.assign(new URL(inject('redisUrl')), { username: 'half', password: 'known' }).href;
    const redis = new Redis(inject('redisUrl'));
    onTestFinished(async () => {
      await redis.call('ACL', 'DELUSER', 'half');
      redis.disconnect();
    });
    await redis.call('ACL', 'SETUSER', 'half', 'on', '>known', '~*', '&*', '+@all', '-hgetall');

    const { code, stderr } = await runCommand(['list', '--all'], { ...environment, REDIS_URL });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Redis failed on the way: NOPERM .*hgetall.*\(store\.unavailable\)\n$/);
  });

  it('tells of each command how it is used', async () => {
    const { code, stdout } = await runCommand(['hold', '--help'], {});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: connector hold <id>… --reason <text>\n/);
  });

  describe('sign-in', () => {
    /** The address that a browser ends at when it opens the one in the question. */
    async function browse(question: string): Promise<string> {
      const [address = ''] = /https:\S+/.exec(question) ?? [];
      const [answer] = (await once(get(address, { ca: readFileSync(emulators.caFile) }), 'response')) as [
        IncomingMessage,
      ];
      answer.resume();
      return `${answer.headers.location}\n`;
    }

    it('writes nothing but a refresh token, also before the file of the token is there', async () => {
      const before = {
        ...environment,
        PARTNER_CENTER_REFRESH_TOKEN: '',
        PARTNER_CENTER_REFRESH_TOKEN_FILE: '/not/yet',
      };
      const { code, stdout } = await runCommand(['sign-in'], before, browse);

      expect(code).toBe(0);
      expect(stdout).toMatch(/^\S+\n$/);
      expect(emulators.secrets()).toContain(stdout.trim());
    });

    it('writes no token of a sign-in without MFA, and says what to do', async () => {
      emulators.entra.signInAs({ mfa: false });
      const { code, stdout, stderr } = await runCommand(['sign-in'], environment, browse);
      emulators.entra.signInAs();

      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('Give the user a second factor');
    });

    it('says how to begin anew when the person declines, or nobody answers', async () => {
      emulators.entra.signInAs({ declines: true });
      const declined = await runCommand(['sign-in'], environment, browse);
      emulators.entra.signInAs();
      const alone = await runCommand(['sign-in'], environment);

      expect([declined.code, declined.stdout, alone.code, alone.stdout]).toEqual([1, '', 1, '']);
      expect(declined.stderr).toMatch(/it was declined\. Begin anew.*\(entra\.sign-in-failed\)/);
      expect(alone.stderr).toContain('(command.no-answer)');
    });
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

  it('examines the set-up, and ends with 1 when something is not in order', async () => {
    const { code, stdout } = await runCommand(['doctor', '--json'], { ...environment, CMW_AUTH_TOKEN: 'another' });
    expect(code).toBe(1);
    const { isFine, findings } = JSON.parse(stdout) as {
      isFine: boolean;
      findings: { check: string; verdict: string }[];
    };
    expect(isFine).toBe(false);
    expect(findings).toContainEqual(expect.objectContaining({ check: 'cloudesire', verdict: 'failed' }));
    expect(findings).toContainEqual(expect.objectContaining({ check: 'application', verdict: 'ok' }));
  });

  it('writes results for programs to stdout, and nothing else there', async () => {
    const { code, stdout } = await runCommand(['exposures', '--json'], environment);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ items: [], total: 0 });
  });

  it('rebuilds a store, and compares with it then', async () => {
    const rebuilt = await runCommand(['rebuild', '--json', '--reason', 'Redis was lost'], environment);
    expect(rebuilt.code).toBe(0);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ rebuilt: [], isWhole: true });
    const after = await runCommand(['reconcile', '--dry-run', '--json'], environment);
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({ dryRun: true, differences: [] });
    expect(after.stderr).toBe('');
  });

  it('says on stderr, once, whom it waits for while calls are used up', async () => {
    emulators.faults.inject({
      server: 'partner-center',
      kind: 'status',
      status: 429,
      headers: { 'Retry-After': '1' },
      body: {},
    });
    const { code, stdout, stderr } = await runCommand(['reconcile', '--dry-run', '--json'], environment);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dryRun: true });
    expect(stderr).toMatch(/^Waiting for partner-center: .* It goes on by itself\.\n$/);
  });
});
