import { type ArmEmulator, BILLING_ACCOUNT, createArmEmulator } from './arm/emulator.ts';
import {
  type CloudesireEmulator,
  CMW_AUTH_TOKEN,
  CMW_EVENT_SECRETS,
  createCloudesireEmulator,
} from './cloudesire/emulator.ts';
import { type Clock, createClock } from './core/clock.ts';
import { createFaults, type Faults } from './core/faults.ts';
import type { CallRecord } from './core/server.ts';
import { createTls, type Tls, trustAuthority } from './core/tls.ts';
import { createTokens, type Tokens } from './core/tokens.ts';
import {
  ADMIN_AGENTS_ID,
  createEntraEmulator,
  type EntraEmulator,
  PARTNER_TENANT_ID,
  PARTNER_USER,
} from './entra/emulator.ts';
import { createPartnerCenterEmulator, type PartnerCenterEmulator } from './partner-center/emulator.ts';
import { CERTIFICATE_PATH } from './partner-center/webhooks.ts';
import { createTemplateHost, type TemplateHost } from './templates/emulator.ts';

/** The upstreams on loopback, with one clock, one set of faults and one book of tokens. */
export interface Emulators {
  clock: Clock;
  faults: Faults;
  tokens: Tokens;
  cloudesire: CloudesireEmulator;
  partnerCenter: PartnerCenterEmulator;
  entra: EntraEmulator;
  arm: ArmEmulator;
  templates: TemplateHost;
  /** Path of the certificate authority (PEM) that the certificate of the HTTPS servers hangs from. */
  caFile: string;
  /** Key and certificate of the HTTPS servers, PEM. */
  tls: Pick<Tls, 'key' | 'cert'>;
  /** Sends the marketplace's events to a connector, e.g. `http://127.0.0.1:8080`. */
  connectTo(connectorUrl: string): void;
  /** Every secret and personal datum that any of them holds: none may be found in a log. */
  secrets(): string[];
  /** The calls of all servers in order of arrival. */
  calls(): CallRecord[];
  /** The environment that points a connector to these emulators, with the credentials that are valid now. */
  environment(): Record<string, string>;
  /** Back to the seed everywhere, with no fault waiting and an empty call log. Time goes on. */
  reset(): void;
  close(): Promise<void>;
}

export interface EmulatorsOptions {
  /** Virtual time to start at, in milliseconds since the epoch; by default the real time. */
  startAt?: number;
  /**
   * What other machines call this one. They are then reached from everywhere, and all of them speak HTTPS, for a connector takes plain HTTP
   * from its own machine only.
   */
  name?: string;
  /** Further names that their certificate is good for, so that others can be put behind the same authority. */
  certifiedNames?: string[];
  /** Ports by upstream; free ones by default. */
  ports?: { cloudesire?: number; partnerCenter?: number; entra?: number; arm?: number; templates?: number };
}

/**
 * Starts the marketplace, Partner Center, Entra ID, Azure Resource Manager and a host of templates on 127.0.0.1. The
 * marketplace and Partner Center speak plain HTTP, the others HTTPS. What is made at one is known where it has to be:
 * tokens of Entra hold at Partner Center and Azure; a tenant made at Partner Center exists in Entra, where the app may act
 * once Partner Center or `entra.addTenant` consented; an Azure plan bought at Partner Center comes with a subscription in
 * Azure, whose state and costs both tell alike.
 *
 * @throws {Error} when a port is taken; nothing is left running then
 */
export async function startEmulators({
  startAt,
  name,
  certifiedNames = [],
  ports = {},
}: EmulatorsOptions = {}): Promise<Emulators> {
  const clock = createClock(startAt);
  const faults = createFaults();
  const tokens = createTokens(clock);
  const tls = await createTls(name === undefined ? certifiedNames : [name, ...certifiedNames]);
  const place = name === undefined ? {} : { name };
  const everywhere = name === undefined ? {} : { name, tls };
  // Some of them ask one another.
  if (name !== undefined) trustAuthority(tls.caFile);
  const entra = createEntraEmulator({ clock, faults, tokens });
  const templates = createTemplateHost({ clock, faults });
  const running = [entra.server, templates.server];

  async function close(): Promise<void> {
    clock.stop();
    await Promise.all(running.map((server) => server.close()));
    tls.remove();
  }

  try {
    await entra.server.listen({ port: ports.entra ?? 0, tls, ...place });
    await templates.server.listen({ port: ports.templates ?? 0, tls, ...place });
    const cloudesire = createCloudesireEmulator({ clock, faults, templateOrigin: templates.url });
    running.push(cloudesire.server);
    await cloudesire.server.listen({ port: ports.cloudesire ?? 0, ...everywhere });
    const { arm, partnerCenter } = createMicrosoft({ clock, faults, tokens, entra, templates });
    running.push(arm.server, partnerCenter.server);
    await arm.server.listen({ port: ports.arm ?? 0, tls, ...place });
    await partnerCenter.server.listen({ port: ports.partnerCenter ?? 0, ...everywhere });
    lendHttps(entra, partnerCenter);
    const { caFile } = tls;
    return connect({ clock, faults, tokens, cloudesire, partnerCenter, entra, arm, templates, caFile, tls, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Partner Center and Azure Resource Manager, each of which has to ask the other. */
function createMicrosoft(
  parts: Pick<Emulators, 'clock' | 'faults' | 'tokens' | 'entra' | 'templates'>,
): Pick<Emulators, 'arm' | 'partnerCenter'> {
  const { entra, templates, ...common } = parts;
  const desk = (): PartnerCenterEmulator['azureDesk'] => partnerCenter.azureDesk;
  const arm = createArmEmulator({
    ...common,
    partner: { tenantId: PARTNER_TENANT_ID, user: PARTNER_USER, adminAgentsId: ADMIN_AGENTS_ID },
    loginUrl: () => entra.url,
    fetchTemplate: templates.fetchAs,
    desk: {
      customers: () => desk().customers(),
      openSubscription: (customerId, facts) => desk().openSubscription(customerId, facts),
      setSubscriptionStatus: (id, status) => desk().setSubscriptionStatus(id, status),
      renameSubscription: (id, friendlyName) => desk().renameSubscription(id, friendlyName),
    },
  });
  const partnerCenter = createPartnerCenterEmulator({
    ...common,
    partnerTenantId: PARTNER_TENANT_ID,
    integrationUser: PARTNER_USER,
    certificateOrigin: entra.url,
    onTenant: (tenant) => entra.addTenant({ ...tenant, consented: false }),
    consents: {
      grant(consent) {
        const isNew = entra.consent(consent);
        const objectId = entra.servicePrincipal(consent.tenant);
        if (isNew && objectId !== undefined) arm.principalAppeared(objectId);
        return isNew;
      },
      revoke: (tenant) => entra.revokeConsent(tenant),
    },
    azureLink: arm.link,
  });
  return { arm, partnerCenter };
}

type Parts = Omit<Emulators, 'connectTo' | 'secrets' | 'calls' | 'environment' | 'reset'>;

function connect(parts: Parts): Emulators {
  const { faults, cloudesire, partnerCenter, entra, arm, templates, caFile } = parts;
  const all = [cloudesire, partnerCenter, entra, arm, templates];
  return {
    ...parts,

    connectTo(connectorUrl) {
      const [secret] = CMW_EVENT_SECRETS;
      cloudesire.setDeliveryTarget({ endpoint: new URL('/event', connectorUrl).href, secret: secret! });
    },

    secrets() {
      return [...new Set(all.flatMap((emulator) => emulator.secrets()))];
    },

    calls() {
      return all.flatMap(({ server }) => server.calls).sort((a, b) => a.seq - b.seq);
    },

    environment() {
      const { tenantId, clientId, clientSecret, refreshToken } = entra.credentials();
      return {
        CMW_BASE_URL: cloudesire.url,
        CMW_AUTH_TOKEN,
        CMW_EVENT_SECRETS: CMW_EVENT_SECRETS.join(','),
        PARTNER_CENTER_BASE_URL: partnerCenter.url,
        PARTNER_CENTER_TENANT_ID: tenantId,
        PARTNER_CENTER_CLIENT_ID: clientId,
        PARTNER_CENTER_CLIENT_SECRET: clientSecret,
        PARTNER_CENTER_REFRESH_TOKEN: refreshToken,
        ENTRA_AUTHORITY_URL: entra.url,
        AZURE_ARM_URL: arm.url,
        AZURE_BILLING_ACCOUNT: BILLING_ACCOUNT,
        ARM_TEMPLATE_HOSTS: new URL(templates.url).host,
        NODE_EXTRA_CA_CERTS: caFile,
      };
    },

    reset() {
      faults.clear();
      for (const emulator of all) emulator.reset();
    },
  };
}

/** Partner Center's certificate is downloaded over HTTPS, which of the servers only Entra's speaks. */
function lendHttps(entra: EntraEmulator, partnerCenter: PartnerCenterEmulator): void {
  entra.server.route('GET', CERTIFICATE_PATH, async () => {
    const response = await fetch(`${partnerCenter.url}${CERTIFICATE_PATH}`);
    const headers = { 'content-type': response.headers.get('content-type') ?? 'application/pkix-cert' };
    return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) };
  });
}
