import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { consoleRoutes } from '../../../src/intake/console.ts';
import { serve } from './serve.ts';

const FOLDER = new URL('../../../src/intake/console/', import.meta.url);
const files = readdirSync(FOLDER).filter((name) => /\.(html|css|js|svg)$/.test(name));
const textOf = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');

describe('the page of the console', () => {
  it('comes at /ops, with everything that it asks for, each of its type', async () => {
    const { url } = await serve((app) => app.register(consoleRoutes));
    const page = await fetch(`${url}/ops`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await page.text();
    expect(html).toBe(textOf('index.html'));

    const wanted = new Set([
      ...[...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!),
      ...files
        .filter((name) => name.endsWith('.js'))
        .flatMap((name) => [...textOf(name).matchAll(/from '\.\/([^']+)'/g)])
        .map(([, name]) => `/ops/console/${name}`),
    ]);
    expect(wanted.size).toBeGreaterThan(10);
    const types: Record<string, string> = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
    for (const path of wanted) {
      const asset = await fetch(url + path);
      expect(asset.status, path).toBe(200);
      expect(asset.headers.get('content-type'), path).toContain(types[path.split('.').at(-1)!]!);
      expect(asset.headers.get('x-content-type-options'), path).toBe('nosniff');
    }
  });

  it('lets nothing run, load or connect but what comes from here, and no text become markup', async () => {
    const { url } = await serve((app) => app.register(consoleRoutes));
    for (const path of ['/ops', '/ops/console/main.js']) {
      const policy = (await fetch(url + path)).headers.get('content-security-policy')?.split('; ');
      expect(policy).toEqual([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ]);
    }
  });

  it.each(files)('%s names no other host, and holds no script or style within markup', (name) => {
    const text = textOf(name);
    const addresses = [...text.matchAll(/\b(?:https?:)?\/\/[\w.-]+\.[a-z]{2,}[^\s"']*/g)].map(([address]) => address);
    expect(addresses.filter((address) => address !== 'http://www.w3.org/2000/svg')).toEqual([]);
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/);
    if (!name.endsWith('.html')) return;
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i);
    expect(
      [...text.matchAll(/<script([^>]*)>([^<]*)/g)].map(([, attributes, content]) => [attributes, content]),
    ).toEqual([[' type="module" src="/ops/console/main.js"', '']]);
  });

  it('is sent once: whoever has it is told that it is still the same', async () => {
    const { url } = await serve((app) => app.register(consoleRoutes));
    const etag = (await fetch(`${url}/ops`)).headers.get('etag');
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const again = await fetch(`${url}/ops`, { headers: { 'if-none-match': etag! } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    expect((await fetch(`${url}/ops`, { headers: { 'if-none-match': '"another"' } })).status).toBe(200);
  });

  it.each(['tsconfig.json', '..%2Fserver.ts', '%2e%2e%2f%2e%2e%2fconfig.ts', '__proto__', 'main.js%00'])(
    'does not serve %s',
    async (name) => {
      const { url, bugs } = await serve((app) => app.register(consoleRoutes));
      const { status, headers } = await fetch(`${url}/ops/console/${name}`);
      expect(status).toBe(404);
      expect(headers.get('content-type')).toContain('application/json');
      expect(bugs).toEqual([]);
    },
  );
});
