import { expect, it } from 'vitest';
import { fixedSecret } from '../../../../src/lib/secret.ts';
import { createHttp } from '../../../../src/upstreams/http.ts';
import { beginSignIn } from '../../../../src/upstreams/partner-center/sign-in.ts';
import { type Reply, startUpstream } from '../fake-upstream.ts';

const ISSUED = { token_type: 'Bearer', expires_in: 3599, refresh_token: 'refresh-1' };

async function begin(reply: Reply) {
  const forms: Record<string, string>[] = [];
  const upstream = await startUpstream((request) => {
    forms.push(Object.fromEntries(new URLSearchParams(request.body)));
    return reply;
  });
  const http = createHttp({
    upstream: 'entra',
    baseUrl: upstream.url,
    readTimeoutMs: 10_000,
    readOnly: false,
    observe() {},
  });
  const signIn = beginSignIn({
    http,
    authorityUrl: 'https://login.example.com/',
    tenantId: 'partner-tenant',
    clientId: 'app-1',
    clientSecret: fixedSecret('s3cret'),
  });
  const asked = new URL(signIn.address);
  const state = String(asked.searchParams.get('state'));
  return { forms, signIn, asked, state };
}

function tokenWith(claims: object): string {
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

it('sends the person to the partner tenant with a proof key, and no secret', async () => {
  const { asked } = await begin({ json: {} });

  expect(asked.origin + asked.pathname).toBe('https://login.example.com/partner-tenant/oauth2/v2.0/authorize');
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    client_id: 'app-1',
    response_type: 'code',
    redirect_uri: 'http://localhost',
    code_challenge_method: 'S256',
    scope: expect.stringContaining('offline_access'),
  });
  expect(asked.href).not.toContain('s3cret');
});

it.each([
  ['with a second factor', tokenWith({ amr: ['pwd', 'mfa'] }), true],
  ['without a second factor', tokenWith({ amr: ['pwd'] }), false],
  ['that cannot be read', 'opaque', undefined],
])('redeems the code of a sign-in %s', async (_name, access_token, hasMfa) => {
  const { signIn, state, forms } = await begin({ json: { ...ISSUED, access_token } });

  const result = await signIn.finish(` http://localhost/?code=c0de&state=${state}&session_state=x \n`);

  expect(result).toEqual({ refreshToken: 'refresh-1', hasMfa });
  expect(forms).toEqual([
    expect.objectContaining({ grant_type: 'authorization_code', code: 'c0de', redirect_uri: 'http://localhost' }),
  ]);
});

it.each([
  ['no address', () => 'c0de', 'this is no address'],
  ['another sign-in', () => 'http://localhost/?code=c0de&state=another', 'does not belong to this sign-in'],
  ['a person who declined', (state: string) => `http://localhost/?error=access_denied&state=${state}`, 'declined'],
  ['no code', (state: string) => `http://localhost/?state=${state}`, 'holds no code'],
])('asks nothing of Entra ID for %s', async (_name, reached, why) => {
  const { signIn, state, forms } = await begin({ json: {} });

  await expect(signIn.finish(reached(state))).rejects.toMatchObject({
    code: 'entra.sign-in-failed',
    message: expect.stringContaining(why),
  });
  expect(forms).toEqual([]);
});

it('says to begin anew when the code is used up, and never repeats what Entra ID says', async () => {
  const json = { error: 'invalid_grant', error_description: 'of giulia@x.example', error_codes: [54005] };
  const { signIn, state } = await begin({ status: 400, json });

  const failure = signIn.finish(`http://localhost/?code=c0de&state=${state}`);

  await expect(failure).rejects.toMatchObject({
    code: 'entra.sign-in-failed',
    message: expect.stringMatching(/used up.*Begin anew/),
  });
  await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('giulia') });
});
