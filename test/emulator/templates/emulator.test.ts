import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../core/clock.ts';
import { createFaults } from '../core/faults.ts';
import { createTls, type Tls, trustAuthority } from '../core/tls.ts';
import { createTemplateHost, SEEDED, type TemplateHost } from './emulator.ts';

describe('the template host', () => {
  let tls: Tls;
  let host: TemplateHost;
  const clock = createClock(Date.parse('2026-09-01T09:00:00Z'));

  beforeAll(async () => {
    tls = await createTls();
    trustAuthority(tls.caFile);
  });

  afterAll(() => {
    clock.stop();
    tls.remove();
  });

  beforeEach(async () => {
    host = createTemplateHost({ clock, faults: createFaults() });
    await host.server.listen({ tls });
  });

  afterEach(() => host.server.close());

  it('serves the seeded templates as JSON, whatever the query', async () => {
    for (const path of Object.keys(SEEDED)) {
      const response = await fetch(`${host.url}${path}?sv=1`);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toMatchObject({ contentVersion: expect.any(String) });
    }
    expect((await fetch(`${host.url}/elsewhere.json`)).status).toBe(404);
  });

  it('changes what stands under an address, and takes it away', async () => {
    const address = host.publish({ path: '/a.json', content: { version: 1 } });
    expect(await (await fetch(address)).json()).toEqual({ version: 1 });
    host.publish({ path: '/a.json', content: { version: 2 } });
    expect(await (await fetch(address)).json()).toEqual({ version: 2 });
    host.unpublish('/a.json');
    expect((await fetch(address)).status).toBe(404);
    expect(host.books().map(({ what }) => what)).toEqual(['published', 'published', 'unpublished']);
  });

  it('redirects to itself and to foreign hosts', async () => {
    const target = host.publish({ path: '/a.json', content: { version: 1 } });
    const address = host.publish({ path: '/b.json', redirectTo: '/a.json' });
    expect((await fetch(address)).url).toBe(target);
    const away = host.publish({ path: '/c.json', redirectTo: 'https://evil.example/a.json' });
    const response = await fetch(away, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, 'https://evil.example/a.json']);
    expect([host.fetchAs(address), host.fetchAs(away)]).toEqual(['{\n  "version": 1\n}', undefined]);
  });

  it('sends bodies that are too large, of another type, slow, or without end', async () => {
    const large = await fetch(host.publish({ path: '/large.json', content: {}, sizeBytes: 5_000_000 }));
    expect((await large.arrayBuffer()).byteLength).toBe(5_000_000);
    const page = await fetch(host.publish({ path: '/page', content: '<p>Hi</p>', contentType: 'text/html' }));
    expect([page.headers.get('content-type'), await page.text()]).toEqual(['text/html', '<p>Hi</p>']);
    const slow = host.publish({ path: '/slow.json', content: {}, delayMs: 60_000 });
    await expect(fetch(slow, { signal: AbortSignal.timeout(50) })).rejects.toThrow();

    const endless = await fetch(host.publish({ path: '/endless.json', content: {}, endless: true }));
    expect(endless.headers.get('content-length')).toBeNull();
    let sizeBytes = 0;
    for await (const chunk of endless.body!) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > 5_000_000) break;
    }
    expect(sizeBytes).toBeGreaterThan(5_000_000);
  });
});
