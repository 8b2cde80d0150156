import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Where failures of orders and of the service arise. What callers and customers are answered at once is described elsewhere. */
const SOURCES = globSync('src/{engine,workflows,upstreams,store,queue}/**/*.ts', { cwd: ROOT })
  .concat(
    globSync('src/compose/*.ts', { cwd: ROOT }),
    'src/report/report.ts',
    'src/intake/partner-center-event.ts',
    'src/lib/secret-box.ts',
  )
  .filter((path) => !/\/(doctor|validate-order|checks|check-customer|compose\/tracing)\.ts$/.test(path));
/** Look like codes. */
const NO_CODES = /^(contoso[.].*|subscriptions[.]list|(ops|event|signature)[.].*)$/;

/** Codes in the sources, with `*` for the name of an upstream, and `<code>` for a code of the upstream's own. */
const raised = (() => {
  const codes = new Set<string>(['bug']);
  for (const path of SOURCES) {
    const source = text(path);
    for (const [, code = ''] of source.matchAll(/'([a-z][a-z-]*\.[a-z][a-z-]*)'/g))
      if (!NO_CODES.test(code)) codes.add(code);
    for (const [, name] of source.matchAll(/`\$\{(?:facts\.)?upstream\}\.([a-z-]+)`/g)) codes.add(`*.${name}`);
    for (const [, upstream = '', code = ''] of source.matchAll(/`([a-z][a-z-]*)\.\$\{([^`]*)\}`/g)) {
      codes.add(`${upstream}.<code>`);
      for (const [, otherwise] of code.matchAll(/'([a-z-]+)'/g)) codes.add(`${upstream}.${otherwise}`);
    }
    for (const [, name] of source.matchAll(/\bthrottled\('([a-z]+)'/g)) codes.add(`*.${name}`);
  }
  return codes;
})();

const isOfAny = (code: string) => [...raised].some((one) => one.startsWith('*.') && code.endsWith(one.slice(1)));

it('tells of every code that can be raised, once, and of no other', () => {
  const [, section = ''] = /\n## Codes\n([\s\S]*?)\n## /.exec(text('docs/runbook.md')) ?? [];
  const told = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code),
  );
  const codes = [...raised].filter((code) => code.startsWith('*.') || !isOfAny(code) || told.includes(code));
  expect(codes.length).toBeGreaterThan(120);
  expect(codes.filter((code) => !told.includes(code)).toSorted()).toEqual([]);
  expect(told.filter((code) => !codes.includes(code))).toEqual([]);
  expect(told.filter((code, at) => told.indexOf(code) !== at)).toEqual([]);
});

it('leads to places that are there', () => {
  const links = [...text('docs/runbook.md').matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) {
    const [file = '', place] = link.split('#');
    const target = file === '' ? text('docs/runbook.md') : text(join('docs', file));
    if (!place) continue;
    const headings = [...target.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    );
    expect(headings, link).toContain(place);
  }
});
