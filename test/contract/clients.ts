import { type Clients, composeClients } from '../../src/compose/clients.ts';
import type { Config } from '../../src/config.ts';

export type { Clients };

/** Somebody sits there and waits. */
const ANSWER_WITHIN_MS = 30_000;

/** Where the upstreams are, by their names. */
export function addressesOf({ cloudesire, partnerCenter, azure }: Config): Record<string, string> {
  return {
    cloudesire: cloudesire.baseUrl,
    'partner-center': partnerCenter.baseUrl,
    entra: partnerCenter.authorityUrl,
    arm: azure.armUrl,
  };
}

/**
 * Builds the clients of the service for reading alone, whatever the configuration says: what would write is kept back at the last step
 * before the wire. Nothing is remembered but, in this process, a refresh token that Entra ID has replaced.
 */
export function openClients(config: Config): Clients {
  return composeClients(config, {
    refreshTokens: rememberOne(),
    readOnly: true,
    readTimeoutMs: ANSWER_WITHIN_MS,
    observe: () => {},
  });
}

function rememberOne() {
  let newest: string | undefined;
  return {
    load: async () => newest,
    async save(token: string) {
      newest = token;
    },
  };
}
