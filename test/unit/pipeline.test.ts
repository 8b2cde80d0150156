import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readCircleciConfig, type Step } from '../support/circleci-config.ts';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const text = readFileSync(at('.circleci/config.yml'), 'utf8');
const config = readCircleciConfig(text);
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { scripts: Record<string, string> };

const commandsOf = (steps: readonly Step[]) =>
  steps.filter(({ name }) => name === 'run').map(({ given }) => (given as { command: string }).command);
const jobs = Object.entries(config.jobs).map(([name, { steps }]) => ({ name, steps, commands: commandsOf(steps) }));
const uses = Object.values(config.workflows).flatMap((workflow) => workflow.jobs);
const commands = [
  ...jobs,
  ...Object.values(config.commands).map(({ steps }) => ({ commands: commandsOf(steps) })),
].flatMap((one) => one.commands);

it.each([
  ['a key that the format does not know', 'resource_class: medium', 'resource_clas: medium', /resource_clas/],
  ['an unknown key of a step', 'no_output_timeout', 'no_output_time', /no_output_time/],
  ['a time-out without its unit', 'no_output_timeout: 60m', 'no_output_timeout: 60', /no_output_timeout/],
  ['a `when` that never is', 'when: always', 'when: sometimes', /when/],
  ['a step that nobody defined', '- install\n', '- instal\n', /no step is named instal/],
  ['a job without an executor', '  check:\n    executor: node\n', '  check:\n', /executor/],
  ['an executor that is not there', 'executor: docker', 'executor: cook', /no executor is named cook/],
  ['a job that is not there', '- check\n', '- chek\n', /no job is named chek/],
  ['a requirement that is not in the workflow', 'requires: [check,', 'requires: [chekc,', /requires chekc/],
  ['a parameter that the job does not have', 'script: [faults', 'scripts: [faults', /has no scripts/],
  ['a value that the parameter cannot have', 'group: staging', 'group: stagign', /group cannot be stagign/],
  ['an approval that is written otherwise', 'type: approval', 'type: aproval', /workflows/],
  ['an approval that nothing leads to', 'requires: [deploy-staging]', 'require: [deploy-staging]', /workflows/],
  ['a step too many under one dash', '      - run:\n', '      - checkout:\n        run:\n', /one step/],
])('%s is refused', (_, right, wrong, message) => {
  expect(text).toContain(right);
  expect(() => readCircleciConfig(text.replace(right, wrong))).toThrow(message);
});

it('the pipeline runs only what is there', () => {
  const scripts = commands.flatMap((command) => [...command.matchAll(/npm (?:run )?(?!ci\b)([a-z][\w:]*)(<<.*?>>)?/g)]);
  expect(scripts.length).toBeGreaterThan(2);
  const values = uses.flatMap(({ use }) => ('matrix' in use ? (use.matrix?.parameters.script ?? []) : []));
  for (const [, script, parameter] of scripts) {
    for (const name of parameter ? values.map((value) => `${script}${value}`) : [script]) {
      expect(manifest.scripts, name).toHaveProperty([String(name)]);
    }
  }
  const paths = commands.flatMap((command) => [
    ...command.matchAll(/(?:^|[\s"=])((?:chef|scripts|test|docker)\/[\w./-]+)/g),
  ]);
  for (const [, path] of paths) expect(existsSync(at(path!)), path).toBe(true);
});

it('the image is built with arguments that its Dockerfile knows', () => {
  const known = [...readFileSync(at('Dockerfile'), 'utf8').matchAll(/^ARG (\w+)/gm)].map(([, name]) => name);
  const given = commands.flatMap((command) => [...command.matchAll(/--build-arg (\w+)=/g)].map(([, name]) => name));
  expect(given.length).toBeGreaterThan(0);
  expect(given.filter((name) => !known.includes(name))).toEqual([]);
});

it('every job is in a workflow', () => {
  const used = new Set(uses.map(({ job }) => job));
  expect(Object.keys(config.jobs).filter((name) => !used.has(name))).toEqual([]);
});

it('every command is one that a shell can read', () => {
  for (const command of commands) {
    const { status, stderr } = spawnSync('bash', ['-n'], {
      input: command.replaceAll(/<<.*?>>/g, 'value'),
      encoding: 'utf8',
    });
    expect({ status, stderr }, command).toEqual({ status: 0, stderr: '' });
  }
});

/** It takes credentials of the real upstreams, which no job gets that runs packages: an operator runs it. */
const BY_HAND = ['test:contract'];

it('every long test that has a command of its own runs at night, unless it takes the credentials of an operator', () => {
  const long = Object.keys(manifest.scripts).filter((name) => name.startsWith('test:') && !BY_HAND.includes(name));
  const { jobs: nightly } = config.workflows.nightly!;
  const run = nightly.flatMap(({ job, use }) => [
    ...commandsOf(config.jobs[job]?.steps ?? []),
    ...('matrix' in use ? (use.matrix?.parameters.script ?? []).map((value) => `npm run test:${value}`) : []),
  ]);
  expect(long.filter((name) => !run.some((command) => command.includes(`npm run ${name}`)))).toEqual([]);
});

it('every test and check that has a command of its own is told of, and no other', () => {
  const commandsToRun = Object.keys(manifest.scripts).filter((name) => /^(test|check|bench)\b/.test(name));
  const told = readFileSync(at('docs/testing.md'), 'utf8');
  const names = [...told.matchAll(/`npm (?:run )?([a-z][\w:]*)`/g)].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set(commandsToRun));
});

it('every image is pinned to a version', () => {
  const images = Object.values(config.executors).flatMap(({ docker = [], machine }) => [
    ...docker.map(({ image }) => image),
    ...(machine ? [machine.image] : []),
  ]);
  expect(images.length).toBeGreaterThan(1);
  expect(images.filter((image) => !/:\d+\.\d+(\.\d+)?$/.test(image))).toEqual([]);
  expect(commands.join('\n')).not.toMatch(/:latest\b/);
});

it('a secret is named only in jobs that get its context, and none of them installs or runs packages', () => {
  const secret = /\$\{?(REGISTRY_PASSWORD|CHEF_CLIENT_KEY|DEPLOY_SSH_KEY)\b|chef\/deploy\b/;
  const open = new Set(uses.filter(({ use }) => 'context' in use && use.context).map(({ job }) => job));
  expect(open.size).toBeGreaterThan(0);
  for (const { name, steps, commands } of jobs) {
    if (!open.has(name)) expect(commands.join('\n'), name).not.toMatch(secret);
    else expect([...steps.map((step) => step.name), ...commands].join('\n'), name).not.toMatch(/install|npm|npx/);
  }
});

it('no secret is an argument, is printed, or reaches a job of a branch', () => {
  for (const command of commands) {
    expect(command).not.toMatch(/set -\w*x|\bprintenv\b|^env$|--password[ =]/m);
    for (const line of command.split('\n').filter((line) => line.includes('PASSWORD'))) {
      expect(line).toMatch(/printf %s "\$REGISTRY_PASSWORD" \| .* --password-stdin/);
    }
  }
  for (const { job, use } of uses) {
    if ('context' in use && use.context) expect(use.filters, job).toBe('pipeline.git.branch == "main"');
  }
});

it('an approval counts only while its commit is the newest of main', () => {
  const folder = mkdtempSync(join(tmpdir(), 'connector-pipeline-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];
    const { status, stdout, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    return stdout.trim();
  };
  const commit = () => git('commit', '--quiet', '--allow-empty', '--message', 'a') || git('rev-parse', 'HEAD');
  git('init', '--quiet');
  git('remote', 'add', 'origin', folder);
  const [older, newest] = [commit(), commit()];
  const [command = ''] = commandsOf(config.jobs.newest?.steps ?? []);
  const decide = (revision: string) =>
    spawnSync('bash', ['-eo', 'pipefail', '-c', command], {
      cwd: folder,
      env: { PATH: process.env.PATH, CIRCLE_SHA1: revision },
    }).status;
  expect(decide(newest)).toBe(0);
  expect(decide(older)).toBe(1);
});

it('nothing reaches production but what was approved after it ran in staging', () => {
  const change = new Map(
    config.workflows.change!.jobs.map(({ job, use }) => ['name' in use && use.name ? use.name : job, use]),
  );
  const production = [...change].filter(([, use]) => 'context' in use && use.context?.join().includes('production'));
  expect(production.map(([name]) => name)).toEqual(['deploy-production']);
  // An approval that comes late must not put an older image in the place of a newer one.
  expect(change.get('deploy-production')?.requires).toEqual(['newest']);
  const approvals = change.get('newest')?.requires ?? [];
  expect(approvals.map((name) => change.get(name)?.type)).toEqual(['approval']);
  expect(approvals.flatMap((name) => change.get(name)?.requires)).toEqual(['deploy-staging']);
  // Both deploy the one policy that was locked, with the image by its digest.
  expect(change.get('deploy-staging')?.requires).toEqual(['policy']);
  expect(change.get('push')?.requires?.toSorted()).toEqual(['check', 'cookbook', 'image', 'image-test', 'test']);
});
