import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeRoutes, type RouteDoc } from '../../../src/intake/openapi.ts';
import { createServer } from '../../../src/intake/server.ts';
import { serve } from './serve.ts';

const doc: RouteDoc = {
  tag: 'service',
  summary: 'For <b>tests</b>',
  answers: { 200: { description: 'A & B', schema: z.object({ size: z.int() }).meta({ id: 'Sized' }) } },
};

it('lets no route be registered that does not say what it is', () => {
  const app = createServer({ bug() {}, isStopping: () => false });
  describeRoutes(app, { version: '1' });
  expect(() => app.get('/secret-door', async () => 'x')).toThrow(/GET \/secret-door does not say what it is/);
});

it('describes a named schema once and refers to it everywhere else', async () => {
  const { url } = await serve((app) => {
    describeRoutes(app, { version: '1' });
    app.get('/one/:id', { config: { doc } }, async () => ({ size: 1 }));
    app.get('/two', { config: { doc } }, async () => ({ size: 2 }));
  });
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, { get: object }>;
    components: { schemas: object };
  };
  const $ref = '#/components/schemas/Sized';
  expect(document.paths['/two']?.get).toMatchObject({
    responses: { 200: { content: { 'application/json': { schema: { $ref } } } } },
  });
  expect(document.paths['/one/{id}']?.get).toMatchObject({ parameters: [{ name: 'id', in: 'path', required: true }] });
  expect(document.components.schemas).toMatchObject({ Sized: { properties: { size: { type: 'integer' } } } });
});

it('shows texts on the page as texts', async () => {
  const { url } = await serve((app) => {
    describeRoutes(app, { version: '1' });
    app.get('/two', { config: { doc } }, async () => ({ size: 2 }));
  });
  const page = await (await fetch(`${url}/openapi`)).text();
  expect(page).toContain('For &#60;b&#62;tests&#60;/b&#62;');
  expect(page).toContain('A &#38; B');
});

it('begins the page with what operations can call, as those are who reads it', async () => {
  const { url } = await serve((app) => describeRoutes(app, { version: '1' }));
  const page = await (await fetch(`${url}/openapi`)).text();
  const headings = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, name]) => name);
  expect(headings).toEqual(['operations', 'questions', 'events', 'service', 'who calls', 'schemas']);
});
