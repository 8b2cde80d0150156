import {
  type CloudesireEmulator,
  CMW_AUTH_TOKEN,
  CMW_EVENT_SECRETS,
  createCloudesireEmulator,
} from './cloudesire/emulator.ts';
import { type Clock, createClock } from './core/clock.ts';
import { createFaults, type Faults } from './core/faults.ts';
import type { CallRecord } from './core/server.ts';
import { createTls } from './core/tls.ts';
import { createTokens, type Tokens } from './core/tokens.ts';
import { createEntraEmulator, type EntraEmulator, PARTNER_TENANT_ID, PARTNER_USER } from './entra/emulator.ts';
import { createPartnerCenterEmulator, type PartnerCenterEmulator } from './partner-center/emulator.ts';
import { CERTIFICATE_PATH } from './partner-center/webhooks.ts';

/** The three upstreams on loopback, with one clock, one set of faults and one book of tokens. */
export interface Emulators {
  clock: Clock;
  faults: Faults;
  tokens: Tokens;
  cloudesire: CloudesireEmulator;
  partnerCenter: PartnerCenterEmulator;
  entra: EntraEmulator;
  /** Path of the certificate authority (PEM) that Entra's certificate hangs from. */
  caFile: string;
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
  /** Ports by upstream; free ones by default. */
  ports?: { cloudesire?: number; partnerCenter?: number; entra?: number };
}

/**
 * Starts the marketplace, Partner Center and Entra ID on 127.0.0.1. Entra speaks HTTPS, the other two plain HTTP. What
 * is made at one is known where it has to be: tokens of Entra hold at Partner Center, and a tenant made at Partner Center
 * exists in Entra, where the app may not act until `entra.addTenant` says that the customer consented.
 *
 * @throws {Error} when a port is taken; nothing is left running then
 */
export async function startEmulators({ startAt, ports = {} }: EmulatorsOptions = {}): Promise<Emulators> {
  const clock = createClock(startAt);
  const faults = createFaults();
  const tokens = createTokens(clock);
  const tls = await createTls();
  const entra = createEntraEmulator({ clock, faults, tokens });
  const cloudesire = createCloudesireEmulator({ clock, faults });
  const running = [entra.server, cloudesire.server];

  async function close(): Promise<void> {
    clock.stop();
    await Promise.all(running.map((server) => server.close()));
    tls.remove();
  }

  try {
    await entra.server.listen({ port: ports.entra ?? 0, tls });
    await cloudesire.server.listen({ port: ports.cloudesire ?? 0 });
    const partnerCenter = createPartnerCenterEmulator({
      clock,
      faults,
      tokens,
      partnerTenantId: PARTNER_TENANT_ID,
      integrationUser: PARTNER_USER,
      certificateOrigin: entra.url,
      onTenant: (tenant) => entra.addTenant({ ...tenant, consented: false }),
    });
    running.push(partnerCenter.server);
    await partnerCenter.server.listen({ port: ports.partnerCenter ?? 0 });
    lendHttps(entra, partnerCenter);
    return connect({ clock, faults, tokens, cloudesire, partnerCenter, entra, caFile: tls.caFile, close });
  } catch (error) {
    await close();
    throw error;
  }
}

type Parts = Pick<Emulators, 'clock' | 'faults' | 'tokens' | 'caFile' | 'close'> & {
  cloudesire: CloudesireEmulator;
  partnerCenter: PartnerCenterEmulator;
  entra: EntraEmulator;
};

function connect(parts: Parts): Emulators {
  const { faults, cloudesire, partnerCenter, entra, caFile } = parts;
  const all = [cloudesire, partnerCenter, entra];
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
