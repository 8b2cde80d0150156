import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AttentionError } from '../../lib/errors.ts';
import type { Secret } from '../../lib/secret.ts';
import { type Http, path, readBody } from '../http.ts';
import { refusalOf, USER_SCOPE } from './token.ts';

export interface SignInParts {
  /** Stands for the Entra ID authority. */
  http: Http;
  authorityUrl: string;
  tenantId: string;
  clientId: string;
  clientSecret: Secret;
}

/** What a person has to do in a browser, and what becomes of it. */
export interface SignIn {
  /** To be opened in a browser. Holds no secret. */
  address: string;
  /**
   * Redeems what the browser was sent to afterwards. `hasMfa` is `undefined` where the token cannot be read.
   *
   * @param reached the whole address, which begins with that of {@link REDIRECT_URI}
   * @throws {AttentionError} `entra.sign-in-failed` when the person declined, the address belongs to another sign-in, or its code is
   *   used up; `entra.app-refused` for the application's registration or secret
   */
  finish(reached: string): Promise<{ refreshToken: string; hasMfa: boolean | undefined }>;
}

/** Entra ID sends the browser here. Nothing listens: the person copies the address. It has to be registered for the app (platform Web). */
export const REDIRECT_URI = 'http://localhost';

const TokenAnswer = z.object({ access_token: z.string(), refresh_token: z.string().min(1) });
const Claims = z.object({ amr: z.array(z.string()) });

/**
 * Begins the one sign-in of the Secure Application Model: authorization code flow with PKCE, by which a user of the partner consents to
 * the application and a refresh token is had.
 *
 * @see https://learn.microsoft.com/partner-center/developer/enable-secure-app-model
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export function beginSignIn({ http, authorityUrl, tenantId, clientId, clientSecret }: SignInParts): SignIn {
  const state = randomBytes(16).toString('base64url');
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: USER_SCOPE,
    state,
    prompt: 'select_account',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });

  return {
    address: `${authorityUrl.replace(/\/$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/authorize?${query.toString()}`,

    async finish(reached) {
      const answer = await http.send({
        method: 'POST',
        path: path`/${tenantId}/oauth2/v2.0/token`,
        form: {
          grant_type: 'authorization_code',
          client_id: clientId,
          client_secret: clientSecret.read(),
          redirect_uri: REDIRECT_URI,
          scope: USER_SCOPE,
          code: codeOf(reached, state),
          code_verifier: verifier,
        },
        headers: { Accept: 'application/json' },
        isRead: true,
        toError: (refused) => {
          const error = refusalOf(refused);
          if (error?.code !== 'entra.consent-needed') return error;
          return failed('the code in it is used up, or more than ten minutes old');
        },
      });
      const { access_token: token, refresh_token: refreshToken } = readBody(answer, TokenAnswer);
      return { refreshToken, hasMfa: methodsIn(token)?.includes('mfa') };
    },
  };
}

function codeOf(reached: string, state: string): string {
  const { searchParams } = URL.parse(reached.trim()) ?? {};
  if (!searchParams) throw failed('this is no address');
  if (searchParams.get('state') !== state) throw failed('the address does not belong to this sign-in');
  const code = searchParams.get('code');
  if (code) return code;
  throw failed(searchParams.get('error') === 'access_denied' ? 'it was declined' : 'the address holds no code');
}

function failed(why: string): AttentionError {
  const message = `The sign-in came to nothing: ${why}. Begin anew, and copy the whole address that the browser shows at the end.`;
  return new AttentionError('entra.sign-in-failed', message, { effect: 'none' });
}

/** How the person has proved who they are, by the claim of the token, which is for Partner Center to verify. */
function methodsIn(token: string): string[] | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return Claims.parse(claims).amr;
  } catch {
    return undefined;
  }
}
