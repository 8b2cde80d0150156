import { fixedSecret, type Secret } from '../../../../src/lib/secret.ts';
import { createCloudesire } from '../../../../src/upstreams/cloudesire/client.ts';
import { createHttp } from '../../../../src/upstreams/http.ts';
import { type Received, type Reply, startUpstream } from '../fake-upstream.ts';

/** The client of a marketplace that answers as `respond` says. */
export async function startMarketplace(
  respond: (request: Received, n: number) => Reply,
  token: Secret = fixedSecret('perm-token'),
) {
  const { url, received } = await startUpstream(respond);
  const http = createHttp({
    upstream: 'cloudesire',
    baseUrl: `${url}/api`,
    readTimeoutMs: 10_000,
    readOnly: false,
    observe() {},
  });
  return { ...createCloudesire({ http, token }), received };
}
