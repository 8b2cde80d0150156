import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PermanentError, RetryableError } from '../../../src/lib/errors.ts';
import { scrub } from '../../../src/lib/log.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

const JWT = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

describe('a line', () => {
  it('has an ISO time, the level in words, one sentence and the fields as given', () => {
    const { log, lines } = createMemoryLog();
    log.child({ subscriptionId: 50010 }).warn({ step: 'place order', attempt: 2 }, 'step will be retried');
    expect(lines).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: 'warn',
        pid: process.pid,
        hostname: expect.any(String),
        subscriptionId: 50010,
        step: 'place order',
        attempt: 2,
        msg: 'step will be retried',
      },
    ]);
  });

  it('is not written below the level', () => {
    const { log, lines } = createMemoryLog('warn');
    log.debug({}, 'no');
    log.info('no');
    log.warn('yes');
    log.error('yes');
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'error']);
  });
});

describe('redaction', () => {
  const names = [
    'authorization',
    'Authorization',
    'CMW-Auth-Token',
    'refreshToken',
    'refresh_token',
    'clientSecret',
    'adminPassword',
    'passwordProfile',
    'credentials',
    'email',
    'e-mail',
    'emailAddress',
    'phoneNumber',
    'Set-Cookie',
    'CMW-Event-Signature',
    'firstName',
    'fiscalCode',
  ];

  it.each(names)('hides what is called %s, in fields at any depth, in lists and in a child', (name) => {
    const { log, text } = createMemoryLog();
    const secret = { [name]: 'hunter2' };
    log.info(secret, 'one');
    log.info({ a: { b: { c: secret } } }, 'two');
    log.info({ list: [secret, { more: secret }] }, 'three');
    log.info({ [name]: { value: 'hunter2' } }, 'four');
    log.info({ [name]: ['hunter2'] }, 'five');
    log.child(secret).child({ deeper: secret }).info('six');
    expect(text()).not.toContain('hunter2');
    expect(text().match(/\[redacted\]/g)?.length).toBe(8);
  });

  it('cuts off what lies deeper than four levels, cycles too', () => {
    const { log, lines } = createMemoryLog();
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle.itself = cycle;
    log.info({ a: { b: { c: { d: 4 } } }, deep: { b: { c: { d: { e: 5 } } } }, cycle }, 'deep');
    expect(lines[0]).toMatchObject({
      a: { b: { c: { d: 4 } } },
      deep: { b: { c: { d: '[deeper]' } } },
      cycle: { itself: { itself: { itself: '[deeper]' } } },
    });
  });

  it('still says whether there is a secret', () => {
    const { log, lines } = createMemoryLog();
    log.info({ hasUserToken: true, token: null, secret: undefined }, 'started');
    expect(lines[0]).toMatchObject({ hasUserToken: true, token: null });
  });

  it('prints bytes as their number, and objects as they present themselves', () => {
    const { log, lines } = createMemoryLog();
    const at = new Date(0);
    log.info({ body: Buffer.from('hunter2'), at, url: new URL('redis://:hunter2@cache/0') }, 'sent');
    expect(lines[0]).toMatchObject({
      body: '[7 bytes]',
      at: '1970-01-01T00:00:00.000Z',
      url: 'redis://[credentials]@cache/0',
    });
  });

  it('never throws, whatever it is given', () => {
    const { log } = createMemoryLog();
    fc.assert(fc.property(fc.object({ maxDepth: 6 }), fc.string(), (fields, sentence) => log.info(fields, sentence)));
  });
});

describe('errors', () => {
  it('prints one of ours with code, sentence, facts and causes, without a stack', () => {
    const { log, lines } = createMemoryLog();
    const root = new Error(`refused for mario.rossi@example.it with ${JWT}`);
    const middle = new RetryableError('partner-center.no-answer', 'No answer.', { cause: root });
    const err = new PermanentError('license.gave-up', 'The order was given up.', {
      cause: middle,
      facts: { upstream: 'partner-center', status: 500, correlationId: 'c-1' },
      params: { name: 'Mario' },
    });
    log.error({ err }, 'failed');
    expect(lines[0]?.err).toEqual({
      type: 'PermanentError',
      code: 'license.gave-up',
      message: 'The order was given up.',
      facts: { upstream: 'partner-center', status: 500, correlationId: 'c-1' },
      causes: [
        { type: 'RetryableError', code: 'partner-center.no-answer', message: 'No answer.' },
        { type: 'Error', message: 'refused for [e-mail] with [token]' },
      ],
    });
  });

  it('prints a foreign one with its stack, scrubbed', () => {
    const { log, lines, text } = createMemoryLog();
    log.error({ err: new TypeError('no mail for mario.rossi@example.it') }, 'bug');
    expect(lines[0]?.err).toMatchObject({
      type: 'TypeError',
      message: 'no mail for [e-mail]',
      stack: expect.stringContaining('log.test.ts'),
    });
    expect(text()).not.toContain('mario');
  });

  it('describes an error wherever it stands, also in place of the fields', () => {
    const { log, lines } = createMemoryLog();
    const error = Object.assign(new Error('no'), { config: { auth: 'hunter2' } });
    log.error(error, 'one');
    log.error({ tries: [{ reason: error }] }, 'two');
    log.child({ err: error }).error('three');
    const described = expect.objectContaining({ type: 'Error', message: 'no' });
    expect(lines[0]).toMatchObject({ err: described, msg: 'one' });
    expect(lines[1]).toMatchObject({ tries: [{ reason: described }] });
    expect(lines[2]).toMatchObject({ err: described });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('prints nothing of the request that an error of axios carries', async () => {
    const server = createServer((_request, response) => response.writeHead(500).end('private body'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { log, lines, text } = createMemoryLog();

    const headers = { 'x-custom': 'hunter2-header' };
    const err = await axios
      .post(`http://127.0.0.1:${port}/?q=hunter2-query`, 'hunter2-body', { headers })
      .catch((error: unknown) => error);
    log.error({ err }, 'failed');
    expect(lines[0]?.err).toMatchObject({ type: 'AxiosError', code: 'ERR_BAD_RESPONSE' });
    expect(text()).not.toMatch(/hunter2|private body/);
  });

  it('ends with causes that go round in a circle', () => {
    const { log, lines } = createMemoryLog();
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    log.error({ err: one }, 'failed');
    expect(lines[0]).toMatchObject({ err: { causes: Array(5).fill({ type: 'Error' }) } });
  });
});

describe('scrub', () => {
  it.each([
    [`sent Authorization: Bearer ${JWT} twice`, 'sent Authorization: Bearer [token] twice'],
    ['basic dXNlcjpwYXNzd29yZA== refused', 'basic [token] refused'],
    [`id token ${JWT}.`, 'id token [token]'],
    [`refresh ${'0.AXoA-b_c'.repeat(20)} expired`, 'refresh [token] expired'],
    [
      'grant_type=refresh_token&refresh_token=abc&client_secret=d%20e',
      'grant_type=refresh_token&refresh_token=[hidden]&client_secret=[hidden]',
    ],
    ['redis://default:p%40ss@cache.example.com:6379/0', 'redis://[credentials]@cache.example.com:6379/0'],
    ["user o'neil+x@mail.example.co.uk, sì", 'user [e-mail], sì'],
    ['Unexpected token \'M\', "Mario Rossi" is not valid JSON', "Unexpected token 'M', [text] is not valid JSON"],
    ['..."name": Mario, "... is not valid JSON', '[text] is not valid JSON'],
  ])('%s → %s', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });

  it('takes the excerpt out of the sentence of a real parser', () => {
    const parse = (text: string) => {
      try {
        JSON.parse(text);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const text of ['Mario', '{"name":Mario Rossi}', `{"a":"${'x'.repeat(50)}",Mario:1,"b":"${'y'.repeat(50)}"}`]) {
      expect(scrub(parse(text))).not.toContain('ario');
    }
  });

  it('leaves alone what operations need', () => {
    const text =
      'PATCH /v1/customers/0b5f8a4e-6d0f-4c2b-9f57-0d8b1a1f4c11/subscriptions: 409 900117 at 2026-03-02T09:21:31Z';
    expect(scrub(text)).toBe(text);
  });

  it.each(['a', 'a.', 'a@', '://', 'eyJ-', '"', 'secret'])('cuts a text that is too long: %s…', (part) => {
    expect(scrub(part.repeat(50_000)).length).toBeLessThan(20_000);
  });

  it.each(['a', 'a.', 'a@', '://', 'eyJ-', '"', 'secret'])(
    'takes no more than in proportion to the text: %s…',
    (part) => {
      const quickest = (text: string): number =>
        Math.min(
          ...Array.from({ length: 20 }, () => {
            const startedAt = performance.now();
            scrub(text);
            return performance.now() - startedAt;
          }),
        );

      // Four times the text takes sixteen times as long where the time grows with its square.
      expect(quickest(part.repeat(8_000 / part.length))).toBeLessThan(
        10 * quickest(part.repeat(2_000 / part.length)) + 1,
      );
    },
  );
});
