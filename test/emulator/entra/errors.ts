import type { Reply } from '../core/server.ts';

/** Why Entra ID refuses a request: OAuth error, AADSTS number and sentence, and what else the body carries. */
export class Refusal extends Error {
  readonly status: number;
  readonly error: string;
  readonly code: number;
  readonly extra: { suberror?: string; claims?: string };

  constructor(
    status: number,
    error: string,
    code: number,
    sentence: string,
    extra: { suberror?: string; claims?: string } = {},
  ) {
    super(sentence);
    this.name = 'Refusal';
    this.status = status;
    this.error = error;
    this.code = code;
    this.extra = extra;
  }
}

/**
 * Returns the body that Entra ID sends with a refusal; ids and time stand both in fields and in the description.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export function refusalBody(refusal: Refusal, ids: { traceId: string; correlationId: string; nowMs: number }): object {
  const timestamp = `${new Date(ids.nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const trail = `Trace ID: ${ids.traceId} Correlation ID: ${ids.correlationId} Timestamp: ${timestamp}`;
  return {
    error: refusal.error,
    error_description: `AADSTS${refusal.code}: ${refusal.message} ${trail}`,
    error_codes: [refusal.code],
    timestamp,
    trace_id: ids.traceId,
    correlation_id: ids.correlationId,
    ...refusal.extra,
  };
}

export function refusalReply(refusal: Refusal, ids: { traceId: string; correlationId: string; nowMs: number }): Reply {
  return { status: refusal.status, body: refusalBody(refusal, ids) };
}

/** `where`: the token endpoint and the discovery document name the same trouble differently. */
export function unknownTenant(tenant: string, where: 'token' | 'discovery'): Refusal {
  return new Refusal(
    400,
    where === 'token' ? 'invalid_request' : 'invalid_tenant',
    90002,
    `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct ` +
      'cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.',
  );
}

export function missingParameter(parameter: string): Refusal {
  return new Refusal(
    400,
    'invalid_request',
    900144,
    `The request body must contain the following parameter: '${parameter}'.`,
  );
}

/** The v2 endpoint misses the scope in words of its own. */
export function missingScope(): Refusal {
  return new Refusal(
    400,
    'invalid_request',
    90014,
    "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
  );
}

export function unsupportedGrant(grant: string): Refusal {
  return new Refusal(400, 'unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant}'.`);
}

export function unknownClient(clientId: string, tenantName: string): Refusal {
  return new Refusal(
    400,
    'unauthorized_client',
    700016,
    `Application with identifier '${clientId}' was not found in the directory '${tenantName}'. This can happen if the ` +
      'application has not been installed by the administrator of the tenant or consented to by any user in the tenant. ' +
      'You may have sent your authentication request to the wrong tenant.',
  );
}

/** How newer tenants call an app without a service principal in them; older ones answer `unknownClient`. */
export function missingServicePrincipal(clientId: string, tenantId: string): Refusal {
  return new Refusal(
    401,
    'invalid_client',
    7000229,
    `The client application ${clientId} is missing service principal in the tenant ${tenantId}. See instructions here: ` +
      'https://go.microsoft.com/fwlink/?linkid=2225119',
  );
}

export function missingCredential(grant: string): Refusal {
  return grant === 'client_credentials'
    ? new Refusal(
        401,
        'invalid_client',
        7000216,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
      )
    : new Refusal(
        401,
        'invalid_client',
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
      );
}

export function wrongSecret(clientId: string): Refusal {
  return new Refusal(
    401,
    'invalid_client',
    7000215,
    'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the ' +
      `client secret ID, for a secret added to app '${clientId}'.`,
  );
}

export function unknownCertificate(): Refusal {
  return new Refusal(
    401,
    'invalid_client',
    700027,
    'The certificate with identifier used to sign the client assertion is not registered on application.',
  );
}

export function unknownResource(resource: string, tenantName: string): Refusal {
  return new Refusal(
    400,
    'invalid_resource',
    500011,
    `The resource principal named ${resource} was not found in the tenant named ${tenantName}. This can happen if the ` +
      'application has not been installed by the administrator of the tenant or consented to by any user in the tenant. ' +
      'You might have sent your authentication request to the wrong tenant.',
  );
}

export function invalidScope(scope: string): Refusal {
  return new Refusal(
    400,
    'invalid_scope',
    70011,
    `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is ` +
      `not valid. The scope ${scope} is not valid.`,
  );
}

export function scopeWithoutDefault(scope: string): Refusal {
  return new Refusal(
    400,
    'invalid_scope',
    1002012,
    `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default ` +
      'suffixed to the resource identifier (application ID URI).',
  );
}

export function severalResources(scope: string): Refusal {
  return new Refusal(
    400,
    'invalid_request',
    28000,
    `Provided value for the input parameter scope is not valid because it contains more than one resource. Scope ${scope} is not valid.`,
  );
}

export function consentMissing(clientId: string, appName: string): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    65001,
    `The user or administrator has not consented to use the application with ID '${clientId}' named '${appName}'. Send ` +
      'an interactive authorization request for this user and resource.',
    { suberror: 'consent_required' },
  );
}

export function secondFactorNeeded(resourceAppId: string): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    50076,
    'Due to a configuration change made by your administrator, or because you moved to a new location, you must use ' +
      `multi-factor authentication to access '${resourceAppId}'.`,
    {
      suberror: 'basic_action',
      claims: JSON.stringify({
        access_token: { capolids: { essential: true, values: ['c5d6e7f8-0000-4000-8000-000000000001'] } },
      }),
    },
  );
}

export function expiredByInactivity(issuedAt: number, lifetimeDays: number): Refusal {
  const issued = new Date(issuedAt).toISOString().replace('Z', '0000Z');
  return new Refusal(
    400,
    'invalid_grant',
    700082,
    `The refresh token has expired due to inactivity. The token was issued on ${issued} and was inactive for ${lifetimeDays}.00:00:00.`,
  );
}

export function revokedGrant(issuedAt: number, revokedAt: number): Refusal {
  const [issued, validFrom] = [issuedAt, revokedAt].map((at) => new Date(at).toISOString().replace('Z', '0000Z'));
  return new Refusal(
    400,
    'invalid_grant',
    50173,
    'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed ' +
      `or reset their password. The grant was issued on '${issued}' and the TokensValidFrom date (before which tokens are ` +
      `not valid) for this user is '${validFrom}'.`,
    { suberror: 'bad_token' },
  );
}

export function malformedGrant(): Refusal {
  return new Refusal(400, 'invalid_grant', 9002313, 'Invalid request. Request is malformed or invalid.');
}

export function malformedClaims(): Refusal {
  return new Refusal(400, 'invalid_request', 500014, "The value of the request parameter 'claims' is not valid JSON.");
}

export function expiredCode(): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    70008,
    'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive ' +
      'authorization request for this user and resource.',
  );
}

export function redeemedCode(): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    54005,
    'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  );
}

export function otherRedirect(sent: string, bound: string): Refusal {
  return new Refusal(
    400,
    'invalid_client',
    500112,
    `The reply address '${sent}' does not match the reply address '${bound}' provided when requesting Authorization code.`,
  );
}

export function missingVerifier(): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    50148,
    'The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.',
  );
}

export function otherVerifier(): Refusal {
  return new Refusal(
    400,
    'invalid_grant',
    501481,
    'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  );
}

export function unknownChallengeMethod(): Refusal {
  return new Refusal(400, 'invalid_request', 50149, 'Invalid Code_Challenge_method parameter.');
}

export function malformedChallenge(): Refusal {
  return new Refusal(400, 'invalid_request', 501491, 'Invalid size of Code_Challenge parameter.');
}

export function missingRedirect(): Refusal {
  return new Refusal(400, 'invalid_request', 900971, 'No reply address provided.');
}

export function unregisteredRedirect(sent: string, clientId: string): Refusal {
  return new Refusal(
    400,
    'invalid_request',
    50011,
    `The redirect URI '${sent}' specified in the request does not match the redirect URIs configured for the application ` +
      `'${clientId}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure ` +
      'portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to fix this.',
  );
}

/** A response type that has `code` in it but asks for a token too, or one that nobody knows. */
export function unsupportedResponseType(wanted: string): Refusal {
  const parts = wanted.split(' ');
  const disabled = parts.find((part) => part === 'id_token' || part === 'token');
  return disabled === undefined
    ? new Refusal(400, 'unsupported_response_type', 70005, `The response_type '${wanted}' is not supported.`)
    : new Refusal(
        400,
        'unsupported_response_type',
        disabled === 'id_token' ? 700054 : 700051,
        `response_type '${disabled}' is not enabled for the application.`,
      );
}

export function unsupportedResponseMode(mode: string): Refusal {
  return new Refusal(400, 'invalid_request', 70007, `'${mode}' is not a supported value of 'response_mode'.`);
}

export function unsupportedPrompt(prompt: string): Refusal {
  return new Refusal(400, 'invalid_request', 90023, `Unsupported 'prompt' value '${prompt}'.`);
}

/** What `prompt=none` meets here, where no browser keeps a session. */
export function nobodySignedIn(): Refusal {
  return new Refusal(400, 'login_required', 50058, 'A silent sign-in request was sent but no user is signed in.');
}

export function declinedConsent(): Refusal {
  return new Refusal(400, 'access_denied', 65004, 'User declined to consent to access the app.');
}

/** Somebody whose account is in another tenant; `error` is what a redirect or a token request calls it. */
export function foreignAccount(
  error: 'access_denied' | 'invalid_grant',
  homeTenantId: string,
  tenantName: string,
  app: { clientId: string; displayName: string },
): Refusal {
  return new Refusal(
    400,
    error,
    50020,
    `User account '{EmailHidden}' from identity provider 'https://sts.windows.net/${homeTenantId}/' does not exist in ` +
      `tenant '${tenantName}' and cannot access the application '${app.clientId}'(${app.displayName}) in that tenant. The ` +
      'account needs to be added as an external user in the tenant first. Sign out and sign in again with a different ' +
      'Azure Active Directory user account.',
  );
}

/** What Entra ID says when it is too busy (429) or out of order for a moment (503). */
export function momentaryTrouble(status: 429 | 503): Refusal {
  return status === 429
    ? new Refusal(429, 'temporarily_unavailable', 90055, 'The server has reached a limit on the number of requests.')
    : new Refusal(503, 'temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.');
}
