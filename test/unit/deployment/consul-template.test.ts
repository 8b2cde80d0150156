import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderConsulTemplate } from '../../support/consul-template.ts';

const TEMPLATE = readFileSync(new URL('../../../docker/nginx/connector.conf.ctmpl', import.meta.url), 'utf8');

/** What is no comment, a statement on each line. */
const statements = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

it('the template of the upstreams lists the instances with the tag web, and one that is down when there are none', () => {
  const asked: string[] = [];
  const render = (...instances: { Address: string; Port: number }[]) =>
    statements(
      renderConsulTemplate(TEMPLATE, (query) => {
        asked.push(query);
        return instances;
      }),
    );
  const around = (...servers: string[]) => [
    'upstream connector {',
    'zone connector 64k;',
    ...servers,
    'keepalive 32;',
    'keepalive_timeout 60s;',
    '}',
  ];

  expect(render({ Address: '10.0.0.7', Port: 8080 }, { Address: '10.0.0.8', Port: 18080 })).toEqual(
    around('server 10.0.0.7:8080 max_fails=0;', 'server 10.0.0.8:18080 max_fails=0;'),
  );
  expect(render()).toEqual(around('server 127.0.0.1:9 down;'));
  expect(new Set(asked)).toEqual(new Set(['web.microsoft-connector']));
});

it('blanks are trimmed as Go does, and what the renderer does not know is an error', () => {
  const none = () => [];
  expect(renderConsulTemplate('a \n{{- range service "x" }} b {{ else -}}\n c {{- end }} d', none)).toBe('ac d');
  expect(renderConsulTemplate('{{ range service "x" }}[{{ .Port }}] {{ end }}', () => [{ Address: '', Port: 1 }])).toBe(
    '[1] ',
  );
  for (const foreign of [
    '{{ key "a" }}',
    '{{ .Address }}',
    '{{ range service "x" }}',
    '{{ range service "x" }}{{ .Node }}{{ end }}',
  ])
    expect(() => renderConsulTemplate(foreign, none), foreign).toThrow();
});
