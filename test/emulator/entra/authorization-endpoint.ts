import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Call, Reply } from '../core/server.ts';
import { type Directory, isRegisteredRedirect, PEOPLE, type Resource, type Tenant } from './directory.ts';
import {
  declinedConsent,
  foreignAccount,
  malformedChallenge,
  missingParameter,
  missingRedirect,
  nobodySignedIn,
  Refusal,
  refusalBody,
  unknownChallengeMethod,
  unknownClient,
  unknownTenant,
  unregisteredRedirect,
  unsupportedPrompt,
  unsupportedResponseMode,
  unsupportedResponseType,
} from './errors.ts';
import type { CodeRequest, Grants } from './grants.ts';
import { readScopes } from './scope.ts';
import { clientInfo, type EntraEntry, type EntraSwitches } from './token-endpoint.ts';

/** Who sits at the browser, whether with a second factor, and whether they decline what the app asks for. */
export interface SignInAs {
  who: keyof typeof PEOPLE;
  mfa: boolean;
  declines: boolean;
}

interface Parts {
  clock: Clock;
  directory: Directory;
  grants: Grants;
  switches: EntraSwitches;
  signInAs: SignInAs;
  record(entry: EntraEntry): void;
}

const RESPONSE_MODES = ['query', 'fragment', 'form_post'] as const;
const PROMPTS = ['login', 'none', 'consent', 'select_account'];
/** Tenants by which an authority means whichever one the person belongs to. */
const ANY_TENANT = ['common', 'organizations'];

type ResponseMode = (typeof RESPONSE_MODES)[number];
type Ids = Parameters<typeof refusalBody>[1];

/**
 * Answers `GET /{tenant}/oauth2/v2.0/authorize` as if a person had signed in at once and consented: by sending them back
 * with a code. A request whose tenant, client or redirect URI is wrong ends on a page of Entra ID, which is answered with
 * 200; any other trouble goes to the redirect URI. Whoever signs in for the first time in their tenant consents there.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 * @see https://learn.microsoft.com/previous-versions/azure/dn645544(v=azure.100)
 */
export function answerSignIn(call: Call, parts: Parts): Reply {
  const { query } = call;
  const nowMs = parts.clock.now();
  const ids = { traceId: randomUUID(), correlationId: query.get('client-request-id') ?? randomUUID(), nowMs };
  const person = PEOPLE[parts.signInAs.who];
  const line = { at: new Date(nowMs).toISOString(), grant: 'authorize', correlationId: ids.correlationId };
  const recordRefusal = ({ code }: Refusal): void =>
    parts.record({ ...line, what: 'refusal', tenant: call.params.tenant!, refusedWith: code });

  let target: { tenant: Tenant; redirectUri: string };
  try {
    target = readTarget(call, person.tenantId, parts);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    recordRefusal(error);
    return errorPage(error, ids);
  }

  const { tenant, redirectUri } = target;
  const wantedMode = query.get('response_mode') ?? 'query';
  const mode = RESPONSE_MODES.find((known) => known === wantedMode) ?? 'query';
  const state = query.get('state');
  const answer = (fields: Record<string, string>): Reply =>
    sendBack(redirectUri, mode, { ...fields, ...(state === null ? {} : { state }) });
  try {
    if (mode !== wantedMode) throw unsupportedResponseMode(wantedMode);
    const { resources, ...request } = readRequest(query, tenant);
    if (person.tenantId !== tenant.id) {
      throw foreignAccount('access_denied', person.tenantId, tenant.domain, parts.directory.app);
    }
    if (parts.signInAs.declines) throw declinedConsent();
    consent(tenant, resources, parts.directory);
    const { mfa } = parts.signInAs;
    const code = parts.grants.issueCode({ person, mfa }, { ...request, redirectUri });
    parts.record({ ...line, what: 'sign-in', tenant: tenant.id, mfa });
    const info = query.get('client_info') === '1' ? { client_info: clientInfo(person) } : {};
    return answer({ code, ...info, session_state: randomUUID() });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    recordRefusal(error);
    if (error.code === 50020 && parts.switches.foreignAccounts === 'page') return errorPage(error, ids);
    return answer(errorFields(error, ids));
  }
}

/** What has to be right before anybody is sent anywhere. */
function readTarget(
  { params, query }: Call,
  homeTenantId: string,
  { directory }: Parts,
): { tenant: Tenant; redirectUri: string } {
  const name = params.tenant!;
  const tenant = directory.findTenant(ANY_TENANT.includes(name.toLowerCase()) ? homeTenantId : name);
  if (tenant === undefined) throw unknownTenant(name, 'token');
  const clientId = query.get('client_id');
  if (!clientId) throw missingParameter('client_id');
  if (clientId.toLowerCase() !== directory.app.clientId) throw unknownClient(clientId, tenant.domain);
  const redirectUri = query.get('redirect_uri');
  if (!redirectUri) throw missingRedirect();
  if (!isRegisteredRedirect(directory.app, redirectUri))
    throw unregisteredRedirect(redirectUri, directory.app.clientId);
  return { tenant, redirectUri };
}

function readRequest(query: URLSearchParams, tenant: Tenant): CodeRequest & { resources: Resource[] } {
  const responseType = query.get('response_type');
  if (!responseType) throw missingParameter('response_type');
  if (responseType !== 'code') throw unsupportedResponseType(responseType);
  const { scopes, resources } = readScopes(query.get('scope') ?? '', tenant.domain);
  const prompt = query.get('prompt');
  if (prompt !== null && !PROMPTS.includes(prompt)) throw unsupportedPrompt(prompt);
  const challenge = readChallenge(query);
  if (prompt === 'none') throw nobodySignedIn();
  const nonce = query.get('nonce');
  return { scopes, resources, ...(challenge && { challenge }), ...(nonce === null ? {} : { nonce }) };
}

/** A confidential client, as the partner's app is one, may do without a proof key. */
function readChallenge(query: URLSearchParams): CodeRequest['challenge'] {
  const [value, method] = [query.get('code_challenge'), query.get('code_challenge_method')];
  if (value === null && method === null) return undefined;
  if (!value) throw missingParameter('code_challenge');
  if (method !== null && method !== 'S256' && method !== 'plain') throw unknownChallengeMethod();
  const isWellFormed = method === 'S256' ? /^[\w-]{43}$/ : /^[\w.~-]{43,128}$/;
  if (!isWellFormed.test(value)) throw malformedChallenge();
  return { method: method ?? 'plain', value };
}

function consent(tenant: Tenant, resources: Resource[], directory: Directory): void {
  if (tenant.consentedTo === 'all') return;
  const consentedTo = [...new Set([...tenant.consentedTo, ...resources.map(({ appId }) => appId)])];
  directory.putTenant({ ...tenant, consentedTo });
}

function errorFields(refusal: Refusal, ids: Ids): Record<string, string> {
  const { error_description: description } = refusalBody(refusal, ids) as { error_description: string };
  return {
    error: refusal.error,
    ...(refusal.code === 65004 ? { error_subcode: 'cancel' } : {}),
    error_description: description,
    error_uri: `https://login.microsoftonline.com/error?code=${refusal.code}`,
  };
}

const PAGE_HEADERS = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };

function sendBack(redirectUri: string, mode: ResponseMode, fields: Record<string, string>): Reply {
  if (mode === 'form_post') {
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
    );
    const form = `<form method="POST" action="${escapeHtml(redirectUri)}">${inputs.join('')}</form>`;
    const body = `<!DOCTYPE html><title>Working...</title><body onload="document.forms[0].submit()">${form}</body>`;
    return { status: 200, headers: PAGE_HEADERS, body };
  }
  const { pathname } = new URL(redirectUri);
  const isBare = pathname === '/' && !redirectUri.includes('?') && !redirectUri.endsWith('/');
  const address = isBare ? `${redirectUri}/` : redirectUri;
  const joint = mode === 'fragment' ? '#' : address.includes('?') ? '&' : '?';
  const location = `${address}${joint}${new URLSearchParams(fields).toString()}`;
  return { status: 302, headers: { location, 'cache-control': 'no-store' } };
}

function errorPage(refusal: Refusal, ids: Ids): Reply {
  const { error_description: description } = refusalBody(refusal, ids) as { error_description: string };
  const body =
    '<!DOCTYPE html><title>Sign in to your account</title>' +
    `<h1>Sorry, but we're having trouble signing you in.</h1><p>${escapeHtml(description)}</p>`;
  return { status: 200, headers: PAGE_HEADERS, body };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
