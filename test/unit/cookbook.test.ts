import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../../src/config/settings.ts';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');
const library = read('chef/libraries/service.rb');

/** The words of a `NAME = %w(…)` of the cookbook. */
function wordsOf(name: string): string[] {
  const words = new RegExp(`\\b${name} = %w\\(([^)]*)\\)`).exec(library)?.[1]?.trim().split(/\s+/);
  if (words === undefined) throw new Error(`chef/libraries/service.rb has no ${name}`);
  return words;
}

it('the cookbook places exactly the secrets that the service takes from files', () => {
  const marked = [...read('README.md').matchAll(/`([A-Z_]+)` ✱/g)].map(([, name]) => name!);
  expect(marked.length).toBeGreaterThan(5);
  expect(wordsOf('SECRETS').toSorted()).toEqual(marked.toSorted());
  expect(wordsOf('SECRETS').filter((name) => !VARIABLES.includes(name))).toEqual([]);
});

it('secrets that need a restart are those of which the documentation says so', () => {
  const table = read('docs/security.md').split('## Replacing secrets')[1]!;
  const restart = [...table.matchAll(/^\| (.*?) \| .*\brestart\b.*$/gm)].flatMap(([, names]) =>
    [...names!.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!),
  );
  expect(wordsOf('READ_AT_START').toSorted()).toEqual(restart.toSorted());
});

it('every setting that the cookbook gives exists', () => {
  const given = [
    ...wordsOf('OF_THE_INSTANCE'),
    ...[...read('chef/test/Policyfile.rb').matchAll(/'([A-Z][A-Z_]+)' =>/g)].map(([, name]) => name!),
  ];
  expect(given.length).toBeGreaterThan(4);
  expect(given.filter((name) => !VARIABLES.includes(name))).toEqual([]);
});

it('Kitchen finds what it is pointed at, and gives the service no secret that it does not know', () => {
  const kitchen = parse(read('chef/kitchen.yml')) as {
    provisioner: { data_bags_path: string };
    suites: { provisioner: { policyfile_path: string }; verifier: { inspec_tests: string[] } }[];
  };
  const paths = kitchen.suites.flatMap(({ provisioner, verifier }) => [
    provisioner.policyfile_path,
    ...verifier.inspec_tests.map((path) => `${path}/inspec.yml`),
  ]);
  expect(paths.length).toBeGreaterThan(1);
  expect(paths.filter((path) => !existsSync(at(`chef/${path}`)))).toEqual([]);
  const item = read(`chef/${kitchen.provisioner.data_bags_path}/microsoft_connector/kitchen.json`);
  const { secrets } = JSON.parse(item) as { secrets: Record<string, string> };
  expect(Object.keys(secrets).filter((name) => !wordsOf('SECRETS').includes(name))).toEqual([]);
});

/** Directives in their order, without comments and blanks. */
const directives = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !/^(#|$|<%)/.test(line));

/** What differs between the two is only where files lie, what is listened on, who operations are, and which instances there are. */
const withoutPlaces = (text: string) =>
  directives(text)
    .filter(
      (line) => !/^(user|pid|allow|\w+_temp_path) /.test(line) && !/^server .*;$/.test(line) && !line.startsWith('{{'),
    )
    .map((line) =>
      line
        .replace(/^(error_log|access_log) \S+ /, '$1 … ')
        .replace(/^listen (\d+|<%=.*?%>) /, 'listen … ')
        .replace(/^(ssl_certificate(?:_key)?) .*;$/, '$1 …;')
        .replace(/^include \S*?(\w+\.conf);$/, 'include $1;'),
    );

it("the cookbook's Nginx says what that of the image says, line for line, apart from paths, addresses and instances", () => {
  const upstreams = read('docker/nginx/connector.conf.ctmpl');
  const ofImage = read('docker/nginx/nginx.conf').replace(/^.*include upstreams\/connector\.conf;$/m, upstreams);
  const ofCookbook = read('chef/templates/nginx.conf.erb');
  expect(withoutPlaces(ofCookbook)).toEqual(withoutPlaces(ofImage));
  // No instance is ever left out by Nginx itself.
  expect(upstreams).toMatch(/server \{\{.*\}\} max_fails=0;/);
  expect(ofCookbook).toMatch(/server <%= server %> max_fails=0;/);
  expect(read('chef/files/answers.conf')).toBe(read('docker/nginx/answers.conf'));
});
