import type { Clock } from '../core/clock.ts';
import type { Call } from '../core/server.ts';
import type { Token, Tokens } from '../core/tokens.ts';
import { ArmRefusal } from './refusals.ts';
import type { Switches } from './switches.ts';

const AUDIENCE = 'https://management.azure.com';
const ALLOWED =
  "'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/'," +
  "'https://management.azure.com'";

/** Who calls: a service principal, or a user together with the groups that count here. */
export interface Principal {
  kind: Token['kind'];
  objectId: string;
  /** Object ids that role assignments may name to mean this caller. */
  ids: string[];
  name: string;
  tenantId: string;
  mfa: boolean;
}

/** The partner's side of Entra ID, as far as it matters for access. */
export interface PartnerIdentity {
  tenantId: string;
  user: { objectId: string; userPrincipalName: string };
  /** Object id of the group of admin agents. */
  adminAgentsId: string;
}

export interface AuthenticationParts {
  clock: Clock;
  tokens: Tokens;
  switches: Switches;
  partner: PartnerIdentity;
  loginUrl: () => string;
}

export interface Authentication {
  /** @throws {ArmRefusal} 401 for a missing, unknown, expired or foreign token */
  authenticate(call: Call): Principal;
  /** @throws {ArmRefusal} 401 for a token of another tenant than that of the subscription */
  requireTenant(principal: Principal, tenantId: string): void;
  /** @throws {ArmRefusal} 401 or 403 when a user without second factor writes */
  requireMfa(principal: Principal, method: string): void;
  /** Every token issued until now meets a claims challenge, as after a critical event in Entra ID. */
  challengeTokens(): void;
  reset(): void;
}

/**
 * Checks bearer tokens that the Entra ID emulator issued.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/claims-challenge
 * @see https://learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication
 */
export function createAuthentication(parts: AuthenticationParts): Authentication {
  const { clock, tokens, switches, partner, loginUrl } = parts;
  let challenged = new Set<string>();

  function unauthorized(code: string, message: string, description: string, tenant = 'common'): ArmRefusal {
    const challenge = `Bearer authorization_uri="${loginUrl()}/${tenant}", error="invalid_token", error_description="${description}"`;
    return new ArmRefusal(401, { code, message }, { 'www-authenticate': challenge });
  }

  function claimsChallenge(status: number, code: string, message: string, claims: object): ArmRefusal {
    const encoded = Buffer.from(JSON.stringify({ access_token: claims })).toString('base64');
    const challenge =
      `Bearer realm="", authorization_uri="${loginUrl()}/common/oauth2/authorize", error="insufficient_claims", ` +
      `claims="${encoded}"`;
    return new ArmRefusal(status, { code, message }, { 'www-authenticate': challenge });
  }

  function findToken(call: Call): Token {
    const header = call.headers.authorization;
    if (header === undefined) {
      const text = "Authentication failed. The 'Authorization' header is missing.";
      throw unauthorized('AuthenticationFailed', text, text);
    }
    const value = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
    const token = value === undefined ? undefined : tokens.find(value);
    if (token !== undefined) return token;
    if (value !== undefined && tokens.values().includes(value)) {
      const text = `The access token expiry UTC time is earlier than current UTC time '${new Date(clock.now()).toUTCString()}'.`;
      throw unauthorized('ExpiredAuthenticationToken', text, text);
    }
    throw unauthorized('InvalidAuthenticationToken', 'The access token is invalid.', 'The access token is invalid.');
  }

  function identify(token: Token): Principal {
    const { kind, tenant: tenantId, mfa, clientId } = token;
    if (kind === 'app') {
      const objectId = token.objectId ?? clientId;
      return { kind, objectId, ids: [objectId], name: clientId, tenantId, mfa };
    }
    const objectId = token.objectId ?? partner.user.objectId;
    const isPartner = objectId === partner.user.objectId;
    const ids = isPartner ? [objectId, partner.adminAgentsId] : [objectId];
    return { kind, objectId, ids, name: isPartner ? partner.user.userPrincipalName : objectId, tenantId, mfa };
  }

  return {
    authenticate(call) {
      const token = findToken(call);
      if (token.audience.replace(/\/$/, '') !== AUDIENCE) {
        const text =
          `The access token has been obtained for wrong audience or resource '${token.audience}'. It should exactly match ` +
          `with one of the allowed audiences ${ALLOWED}.`;
        throw unauthorized(
          'InvalidAuthenticationTokenAudience',
          text,
          'The access token has been obtained for wrong audience.',
        );
      }
      if (challenged.has(token.value)) {
        const nbf = { essential: true, value: String(Math.floor(clock.now() / 1000)) };
        const text =
          'Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp';
        throw claimsChallenge(401, 'TokenCreatedWithOutdatedPolicies', text, { nbf });
      }
      return identify(token);
    },

    requireTenant({ tenantId: issuer }, tenantId) {
      if (issuer === tenantId) return;
      throw unauthorized(
        'InvalidAuthenticationTokenTenant',
        `The access token is from the wrong issuer 'https://sts.windows.net/${issuer}/'. It must match the tenant ` +
          `'https://sts.windows.net/${tenantId}/' associated with this subscription. Please use the authority (URL) ` +
          `'https://login.windows.net/${tenantId}' to get the token. Note, if the subscription is transferred to another ` +
          'tenant there is no impact to the services, but information about new tenant could take time to propagate (up ' +
          'to an hour). If you just transferred your subscription and see this error message, please try back later.',
        'The access token is from the wrong issuer. It must match the tenant associated with this subscription. Please use correct authority to get the token.',
        tenantId,
      );
    },

    requireMfa({ kind, mfa }, method) {
      if (!switches.requireMfa || kind === 'app' || mfa || method === 'GET' || method === 'HEAD') return;
      throw claimsChallenge(
        switches.mfaRefusal,
        'RequestDisallowedByPolicy',
        'Resource was disallowed by policy. Users must use MFA for Create/Update/Delete operations. See https://aka.ms/mfaforazure for details.',
        { acrs: { essential: true, values: ['p1'] } },
      );
    },

    challengeTokens() {
      challenged = new Set(tokens.values());
    },

    reset() {
      challenged = new Set();
    },
  };
}
