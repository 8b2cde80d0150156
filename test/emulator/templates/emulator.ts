import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { createServer, type EmulatorServer, type Reply } from '../core/server.ts';

/** What stands under a path of the host. */
export interface Publication {
  /** Starts with a slash; a publication under the same path is replaced. */
  path: string;
  /** An object is served as JSON, a text as it is. */
  content?: unknown;
  contentType?: string;
  status?: number;
  /** An address, absolute or of this host, that is answered with 302. */
  redirectTo?: string;
  /** Real time until the answer begins. */
  delayMs?: number;
  /** Blanks are added until the body has at least this size. */
  sizeBytes?: number;
  /** Blanks are sent after the content for ever. */
  endless?: boolean;
}

/** A host of templates, to be put on a port with TLS. */
export interface TemplateHost {
  server: EmulatorServer;
  /** The host's address. @throws {Error} before it listens */
  readonly url: string;
  /** Publishes, or changes what is published, and returns the address. */
  publish(publication: Publication): string;
  unpublish(path: string): void;
  paths(): string[];
  /** The text that Azure finds under an address of this host; undefined when it gets no 200, or for another host. */
  fetchAs(uri: string): string | undefined;
  books(): { at: string; what: 'published' | 'unpublished'; path: string }[];
  secrets(): string[];
  reset(): void;
}

/** Paths of the seeded templates. */
export const SEEDED = {
  '/two-tier/azuredeploy.json': 'two-tier',
  '/three-tier/azuredeploy.json': 'three-tier-app',
  '/marketplace-vm/azuredeploy.json': 'marketplace-vm',
} as const;

const BLANKS = Buffer.alloc(64 * 1024, ' ');

/** Returns a web server for templates, with some published from the start. Queries are ignored, as blob storage does. */
export function createTemplateHost(parts: { clock: Clock; faults: Faults }): TemplateHost {
  const { clock } = parts;
  const server = createServer('templates', parts);
  const publications = new Map<string, Publication>();
  let entries: ReturnType<TemplateHost['books']> = [];
  let origin: string | undefined;

  const listen = server.listen;
  server.listen = async (options) => {
    origin = await listen(options);
    return origin;
  };

  function seed(): void {
    publications.clear();
    for (const [path, name] of Object.entries(SEEDED)) publications.set(path, { path, content: readSeed(name) });
  }

  server.notFound(async ({ method, path }) => {
    const publication = publications.get(path);
    if (publication === undefined || (method !== 'GET' && method !== 'HEAD')) {
      return { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>404 Not Found</h1>' };
    }
    const { delayMs = 0 } = publication;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    return answer(publication);
  });

  const host: TemplateHost = {
    server,

    get url() {
      if (origin === undefined) throw new Error('The template host does not listen yet.');
      return origin;
    },

    publish(publication) {
      if (typeof publication.path !== 'string' || !publication.path.startsWith('/')) {
        throw new Error('A publication has a path that starts with a slash.');
      }
      publications.set(publication.path, structuredClone(publication));
      entries.push({ at: new Date(clock.now()).toISOString(), what: 'published', path: publication.path });
      return `${host.url}${publication.path}`;
    },

    unpublish(path) {
      publications.delete(path);
      entries.push({ at: new Date(clock.now()).toISOString(), what: 'unpublished', path });
    },

    paths: () => [...publications.keys()],

    fetchAs(uri) {
      if (!URL.canParse(uri) || new URL(uri).origin !== origin) return undefined;
      const publication = publications.get(new URL(uri).pathname);
      if (publication?.redirectTo !== undefined) {
        return host.fetchAs(new URL(publication.redirectTo, origin).href);
      }
      if (publication === undefined || publication.endless === true) return undefined;
      return (publication.status ?? 200) === 200 ? textOf(publication) : undefined;
    },

    books: () => structuredClone(entries),
    secrets: () => [],

    reset() {
      entries = [];
      server.calls.length = 0;
      seed();
    },
  };

  server.command('publish', (publication: Publication) => ({ address: host.publish(publication) }), { path: 'text' });
  server.command('unpublish', ({ path }: { path: string }) => host.unpublish(path), { path: 'text' });
  server.command('paths', host.paths);
  server.command('books', host.books);
  server.command('secrets', host.secrets);
  server.command('reset', host.reset);
  seed();
  return host;
}

function answer(publication: Publication): Reply {
  const { status = 200, redirectTo, endless = false } = publication;
  if (redirectTo !== undefined) return { status: 302, headers: { location: redirectTo } };
  const headers = { 'content-type': publication.contentType ?? 'application/json' };
  const text = textOf(publication);
  return { status, headers, body: endless ? Readable.from(blanksAfter(text)) : text };
}

function textOf({ content = '', sizeBytes = 0 }: Publication): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
  return text + ' '.repeat(Math.max(0, sizeBytes - Buffer.byteLength(text)));
}

function* blanksAfter(text: string): Generator<Buffer> {
  yield Buffer.from(text);
  for (;;) yield BLANKS;
}

function readSeed(name: string): string {
  return readFileSync(new URL(`./seed/${name}.json`, import.meta.url), 'utf8');
}
