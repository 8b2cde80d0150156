import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { isFitting, type Secret } from '../lib/secret.ts';
import { isSameSecret } from './secret.ts';

const COOKIE = 'ops';
const SESSION_LIFE_MS = 8 * 3_600_000;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
/** Who has the token and does not say who they are. */
const NAMELESS = 'token';

/** The name of a person, or of a program. It goes into the audit trail and nowhere else. */
export const Operator = z
  .string()
  .trim()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@+'-]{0,79}$/u)
  .describe('Who it is, for the audit trail: up to 80 letters, digits and . _ @ + - blanks');

const Session = z.object({ by: z.string(), until: z.number() });

/**
 * Who is behind a request. `wrong`: something was shown that proves nothing; `nobody`: nothing was shown, or a session that has ended;
 * `former`: a session of a token that was replaced; `misnamed`: the proof holds, the name is unusable.
 */
export type Caller = { by: string } | 'wrong' | 'nobody' | 'former' | 'misnamed';

export interface Sessions {
  /** Whether this is the token that opens operations. */
  isToken(given: string): boolean;
  /** The session of a request's cookie, if there is one that holds. It cannot be guessed, so that nobody has to wait for those who try. */
  ofCookie(request: FastifyRequest): Caller;
  /** The caller by `Authorization: Bearer`, with the name in `X-Operator`. */
  ofToken(request: FastifyRequest): Caller;
  /** The value of `Set-Cookie` that begins a session of 8 hours. */
  begin(request: FastifyRequest, operator: string): string;
  /** The value of `Set-Cookie` that makes a browser forget it. */
  end(request: FastifyRequest): string;
}

/**
 * Creates the sessions of browsers. A session is a cookie that says whose it is and until when, signed with a key that follows from the
 * token: every process can check it, and it ends with the token.
 */
export function createSessions({ token, clock }: { token: Secret; clock: Clock }): Sessions {
  let derived = { from: '', key: Buffer.alloc(0) };

  function signatureOf(content: string): Buffer {
    const from = token.read();
    if (derived.from !== from) derived = { from, key: sessionKey(from) };
    return createHmac('sha256', derived.key).update(content).digest();
  }

  const isToken = (given: string): boolean => isFitting(token, (known) => isSameSecret(given, known));

  function read(cookie: string): Caller {
    const [content = '', signature = ''] = cookie.split('.');
    const given = Buffer.from(signature, 'base64url');
    const right = signatureOf(content);
    // Nobody guesses a signature: it is one of a token that was replaced.
    if (given.length !== right.length || !timingSafeEqual(given, right)) return 'former';
    const { by, until } = Session.parse(JSON.parse(Buffer.from(content, 'base64url').toString()));
    return clock.now() < until ? { by } : 'nobody';
  }

  return {
    isToken,

    ofCookie(request) {
      const value = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1];
      return value === undefined ? 'nobody' : read(value);
    },

    ofToken(request) {
      const { authorization } = request.headers;
      if (authorization === undefined) return 'nobody';
      const given = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? '';
      if (!isToken(given)) return 'wrong';
      const operator = Operator.default(NAMELESS).safeParse(request.headers['x-operator']);
      return operator.success ? { by: operator.data } : 'misnamed';
    },

    begin(request, by) {
      const session: z.infer<typeof Session> = { by, until: clock.now() + SESSION_LIFE_MS };
      const content = Buffer.from(JSON.stringify(session)).toString('base64url');
      const value = `${content}.${signatureOf(content).toString('base64url')}`;
      return cookieOf(request, value, SESSION_LIFE_MS / 1_000);
    },

    end: (request) => cookieOf(request, '', 0),
  };
}

function sessionKey(token: string) {
  return Buffer.from(hkdfSync('sha256', token, '', 'microsoft-connector/ops-session/1', 32));
}

/** A browser sends a secure cookie over https only; plain http is left to a console on the same machine. */
function cookieOf({ protocol, hostname }: FastifyRequest, value: string, maxAgeS: number): string {
  const isPlainLoopback = protocol === 'http' && LOOPBACK.test(hostname);
  const flags = ['HttpOnly', 'SameSite=Strict', 'Path=/ops', `Max-Age=${maxAgeS}`];
  return [`${COOKIE}=${value}`, ...flags, ...(isPlainLoopback ? [] : ['Secure'])].join('; ');
}
