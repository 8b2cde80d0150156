import { findResource, type Resource } from './directory.ts';
import {
  invalidScope,
  missingParameter,
  missingScope,
  scopeWithoutDefault,
  severalResources,
  unknownResource,
} from './errors.ts';

/** `v1` asks for a `resource` and answers numbers as strings, `v2` asks for a `scope`. */
export type Version = 'v1' | 'v2';

/** What a token request asks for: one API, and of the OpenID scopes whether identity and refresh tokens are wanted. */
export interface Wish {
  resource: Resource;
  scope: string;
  openid: boolean;
  offlineAccess: boolean;
}

const OPENID_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

/**
 * Reads from the form which API a token is asked for, and states the scope that the answer will name.
 *
 * Client credentials need `{resource}/.default`; a user's token may name `user_impersonation` too, the only permission
 * that both APIs publish.
 *
 * @throws {Refusal} for a missing, unknown or mixed wish
 * @see https://learn.microsoft.com/entra/identity-platform/scopes-oidc
 */
export function readWish(version: Version, form: URLSearchParams, tenantName: string): Wish {
  const isAppOnly = form.get('grant_type') === 'client_credentials';
  if (version === 'v1') {
    const name = form.get('resource');
    if (!name) throw missingParameter('resource');
    const resource = findResource(name);
    if (resource === undefined) throw unknownResource(name, tenantName);
    return { resource, scope: 'user_impersonation', openid: true, offlineAccess: true };
  }

  const text = form.get('scope') ?? '';
  const scopes = text.split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0) throw missingScope();
  const ofResource = scopes.filter((scope) => !OPENID_SCOPES.includes(scope));
  const [first] = ofResource;
  if (first === undefined) throw isAppOnly ? scopeWithoutDefault(text) : invalidScope(text);

  const wishes = ofResource.map((scope) => splitScope(scope, tenantName, isAppOnly));
  const { resource } = wishes[0]!;
  if (wishes.some((wish) => wish.resource !== resource)) throw severalResources(text);
  if (isAppOnly && scopes.length !== 1) throw scopeWithoutDefault(text);
  const wantsDefault = wishes.some(({ permission }) => permission === '.default');
  return {
    resource,
    scope: `${resource.audience}/user_impersonation${wantsDefault ? ` ${resource.audience}/.default` : ''}`,
    openid: scopes.includes('openid'),
    offlineAccess: scopes.includes('offline_access'),
  };
}

/**
 * Reads the scopes of an authorization request, which may name several APIs, or none.
 *
 * @throws {Refusal} for a missing or unknown scope
 */
export function readScopes(text: string, tenantName: string): { scopes: string[]; resources: Resource[] } {
  const scopes = text.split(' ').filter((scope) => scope !== '');
  if (scopes.length === 0) throw missingParameter('scope');
  const ofResource = scopes.filter((scope) => !OPENID_SCOPES.includes(scope));
  return { scopes, resources: ofResource.map((scope) => splitScope(scope, tenantName, false).resource) };
}

function splitScope(scope: string, tenantName: string, isAppOnly: boolean): { resource: Resource; permission: string } {
  const at = scope.lastIndexOf('/');
  const permission = scope.slice(at + 1);
  if (isAppOnly && permission !== '.default') throw scopeWithoutDefault(scope);
  if (at <= 0) throw invalidScope(scope);
  const resource = findResource(scope.slice(0, at));
  if (resource === undefined) throw unknownResource(scope.slice(0, at), tenantName);
  if (permission !== '.default' && permission !== 'user_impersonation') throw invalidScope(scope);
  return { resource, permission };
}
