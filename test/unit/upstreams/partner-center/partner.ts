import { createHttp, type HttpParts } from '../../../../src/upstreams/http.ts';
import { createPartnerCenter } from '../../../../src/upstreams/partner-center/client.ts';
import type { Tokens } from '../../../../src/upstreams/partner-center/token.ts';
import { type Received, type Reply, startUpstream } from '../fake-upstream.ts';

export const CUSTOMER = '6c1f2a90-3d47-4b8e-9a55-0e7d8c4b2f11';
export const EFFECT = { requestId: 'd415c31e-5515-5d96-a649-0060140b70ba' };

/** Tokens that tell their kind, and how often they were renewed: `app-1`, `user-2`. */
function createFakeTokens(): Tokens {
  const renewals = { app: 1, user: 1 };
  return {
    appOnly: async () => `app-${renewals.app}`,
    appUser: async () => `user-${renewals.user}`,
    hasUser: true,
    invalidate(token) {
      if (token === `app-${renewals.app}`) renewals.app += 1;
      if (token === `user-${renewals.user}`) renewals.user += 1;
    },
  };
}

/** The client of a Partner Center that answers as `respond` says. */
export async function startPartnerCenter(
  respond: (request: Received, n: number) => Reply,
  parts: Partial<HttpParts> = {},
) {
  const { url, received } = await startUpstream(respond);
  const http = createHttp({
    upstream: 'partner-center',
    baseUrl: url,
    readTimeoutMs: 10_000,
    readOnly: false,
    observe() {},
    ...parts,
  });
  return { ...createPartnerCenter({ http, tokens: createFakeTokens() }), received };
}

/** A refusal in the standard shape. */
export function refused(status: number, code: number | string): Reply {
  return { status, json: { code, description: 'Giulia Ferri, giulia@x.example', data: [], source: 'PartnerFD' } };
}

/** Which token a call came with. */
export function tokenOf(call: Received | undefined): string | undefined {
  return call?.headers.authorization?.replace('Bearer ', '');
}
