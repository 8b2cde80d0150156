import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { z } from 'zod';
import { refusals } from './openapi.ts';
import { refuse } from './replies.ts';

const FOLDER = new URL('console/', import.meta.url);
const PAGE = 'index.html';

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Nothing runs, and nothing is asked for, but what comes from here; no text becomes markup, not even by mistake. */
const CONTENT_SECURITY_POLICY = [
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
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

interface Asset {
  type: string;
  content: Buffer;
  etag: string;
}

/**
 * The console of operations: the page at `/ops` and what it is made of, below `/ops/console`. Open to everybody, since it holds nothing; all
 * that it shows comes from the API of operations, once somebody has logged in.
 */
export const consoleRoutes: FastifyPluginAsync = async (app) => {
  const assets = readAssets();

  const page = {
    tag: 'operations',
    summary: 'The console: a page for people, on top of this API',
    answers: { 200: { description: 'The page', schema: z.string(), type: 'text/html' } },
  } as const;
  app.get('/ops', { config: { doc: page } }, async (request, reply) =>
    sendAsset(reply, assets.get(PAGE), request.headers['if-none-match']),
  );

  const part = {
    tag: 'operations',
    summary: 'What the page of the console is made of',
    params: z.object({ file: z.string() }),
    answers: {
      200: { description: 'Script, style or image', schema: z.string(), type: 'text/javascript' },
      ...refusals({ 404: 'There is no such file' }),
    },
  } as const;
  app.get<{ Params: { file: string } }>('/ops/console/:file', { config: { doc: part } }, async (request, reply) =>
    sendAsset(reply, assets.get(request.params.file), request.headers['if-none-match']),
  );
};

/** Read once: what is served is what lay there at the start, whatever a request asks for. */
function readAssets(): Map<string, Asset> {
  return new Map(
    readdirSync(FOLDER).flatMap((name): [string, Asset][] => {
      const type = TYPES[name.split('.').at(-1) ?? ''];
      if (type === undefined) return [];
      const content = readFileSync(new URL(name, FOLDER));
      const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
      return [[name, { type, content, etag }]];
    }),
  );
}

function sendAsset(reply: FastifyReply, asset: Asset | undefined, known: string | undefined): FastifyReply {
  if (!asset) return refuse(reply, 404, { error: 'route.unknown', message: 'There is nothing at this address.' });
  reply.headers({ ...HEADERS, etag: asset.etag });
  if (known === asset.etag) return reply.code(304).send();
  return reply.type(asset.type).send(asset.content);
}
