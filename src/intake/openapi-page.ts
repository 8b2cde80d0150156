import { createHash } from 'node:crypto';

/** What the page shows of an OpenAPI document. */
interface Described {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, object>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, { description: string }> };
}

interface Operation {
  tags: string[];
  summary: string;
  security?: Record<string, unknown>[];
  parameters?: { name: string; in: string; required: boolean; schema: unknown }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem }
details { border: 1px solid #8886; border-radius: .4rem; margin: .4rem 0; padding: .4rem .8rem }
summary { cursor: pointer }
code, pre { font: .875rem/1.45 ui-monospace, monospace }
pre { overflow-x: auto; background: #8881; padding: .6rem; border-radius: .3rem }
b { display: inline-block; min-width: 3.5rem }
dt { margin-top: .6rem }
`;

/** Nothing is loaded and nothing runs: the page is a text. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The description as a page of HTML that needs nothing besides itself. */
export function writePage({ info, tags, paths, components }: Described): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...(operation as Operation) })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter((operation) => operation.tags.includes(name)).map(writeOperation);
    return `<h2>${asText(name)}</h2><p>${asText(description)}</p>${own.join('')}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="${asText(name)}"><summary><code>${asText(name)}</code></summary>${writeSchema(schema)}</details>`,
  );
  const keys = Object.entries(components.securitySchemes).map(
    ([name, { description }]) => `<dt><code>${asText(name)}</code></dt><dd>${asText(description)}</dd>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${asText(info.title)}</title><style>${STYLE}</style></head>
<body><h1>${asText(info.title)}</h1><p>${asText(info.description)} Version ${asText(info.version)}; for programs: <a href="/openapi.json">openapi.json</a>.</p>
${sections.join('\n')}
<h2>who calls</h2><dl>${keys.join('')}</dl>
<h2>schemas</h2>${schemas.join('\n')}
</body></html>
`;
}

function writeOperation({ path, method, ...operation }: Operation & { path: string; method: string }): string {
  const { summary, security = [], parameters = [], requestBody, responses } = operation;
  const lines = [
    ...(security.length > 0
      ? [`<dt>needs</dt><dd>${security.flatMap((one) => Object.keys(one).map(code)).join(' or ')}</dd>`]
      : []),
    ...parameters.map(
      ({ name, in: place, required, schema }) =>
        `<dt>${code(name)} in the ${asText(place)}${required ? '' : ', may be left out'}</dt><dd>${writeSchema(schema)}</dd>`,
    ),
    ...Object.values(requestBody?.content ?? {}).map(({ schema }) => `<dt>body</dt><dd>${writeSchema(schema)}</dd>`),
    ...Object.entries(responses).map(
      ([status, { description, content = {} }]) =>
        `<dt>${code(status)}</dt><dd>${asText(description)}${Object.values(content)
          .map(({ schema }) => writeSchema(schema))
          .join('')}</dd>`,
    ),
  ];
  return `<details><summary><b>${asText(method.toUpperCase())}</b> ${code(path)} – ${asText(summary)}</summary><dl>${lines.join('')}</dl></details>`;
}

/** A schema that has a name of its own is only pointed at. */
function writeSchema(schema: unknown): string {
  const name = /^#\/components\/schemas\/(.+)$/.exec((schema as { $ref?: string }).$ref ?? '')?.[1];
  if (name !== undefined) return ` <a href="#${asText(name)}">${asText(name)}</a>`;
  return `<pre>${asText(JSON.stringify(schema, null, 2))}</pre>`;
}

function code(text: string): string {
  return `<code>${asText(text)}</code>`;
}

function asText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
