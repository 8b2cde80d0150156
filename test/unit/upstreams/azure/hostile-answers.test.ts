import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Azure, AzureSubscription } from '../../../../src/upstreams/azure/client.ts';
import { faultsIn, harmless } from '../../../../src/upstreams/azure/faults.ts';
import { damaged, INHERITED, isPolluted, nasty, onlyOurErrors, runs } from '../../../support/fuzz.ts';
import type { Reply } from '../fake-upstream.ts';
import { bodiesOf } from '../fixtures.ts';
import { ROOT, startCloud, WHERE } from './cloud.ts';

const MACHINE = {
  id: `${ROOT}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m`,
  type: 'Microsoft.Compute/virtualMachines',
  name: 'm',
};
const SITE = { id: `${ROOT}/resourceGroups/g/providers/Microsoft.Web/sites/s`, type: 'Microsoft.Web/sites', name: 's' };
const BODY = {
  template: { parameters: { password: { type: 'securestring' } }, resources: [] },
  parameters: { password: { value: 'Zq7!vT2m#Kp9' } },
};

const CALLS: ((azure: Azure, there: AzureSubscription) => Promise<unknown>)[] = [
  (_, there) => there.read(),
  (_, there) => there.tag({ a: 'b' }),
  (_, there) => there.locations(),
  (_, there) => there.providers.state('Microsoft.Web'),
  (_, there) => there.groups.get('g'),
  (_, there) => there.groups.put('g', { location: 'westeurope', tags: {} }),
  (_, there) => there.groups.remove('g'),
  (_, there) => there.groups.taggedWith('order', '50010'),
  (_, there) => there.resources.inGroup('g'),
  (_, there) => there.resources.taggedWith('order', '50010'),
  (_, there) => there.deployments.validate('g', 'd', BODY),
  (_, there) => there.deployments.whatIf('g', 'd', BODY),
  (_, there) => there.deployments.start('g', 'd', { ...BODY, tags: {} }),
  (_, there) => there.deployments.look('g', 'd'),
  (_, there) => there.deployments.cancel('g', 'd'),
  (_, there) => there.deployments.names('g'),
  (_, there) => there.power.state(MACHINE),
  (_, there) => there.power.state(SITE),
  (_, there) => there.power.stop(MACHINE),
  (_, there) => there.images.find('westeurope', { publisher: 'p', offer: 'o', sku: 's' }),
  (_, there) => there.terms.accept({ publisher: 'p', product: 'o', name: 's' }),
  ({ bootstrap }) => bootstrap.billingScope(WHERE.tenantId),
  ({ bootstrap }) => bootstrap.alias('mp-50010'),
  ({ bootstrap }) => bootstrap.createAlias('mp-50010', { displayName: 'd', billingScope: '/b' }),
  ({ bootstrap }) => bootstrap.assignRole(WHERE, { principalId: 'p', principalType: 'User', role: 'reader' }),
  ({ bootstrap }) => bootstrap.cancelSubscription(WHERE),
];

const address = fc.constantFrom(
  'https://evil.example/steal',
  '//evil.example/steal',
  'http://127.0.0.1:1/',
  '/subscriptions/../../x',
  'javascript:alert(1)',
  '',
  ...INHERITED,
);
const headers = fc.dictionary(
  fc.constantFrom('location', 'azure-asyncoperation', 'retry-after', 'www-authenticate', 'content-type'),
  fc.oneof(
    address,
    fc.constantFrom('0', '-1', '1e9', 'Bearer error="insufficient_claims", claims="e30="', 'text/html'),
  ),
);
const recorded = fc.constantFrom(...bodiesOf('azure'));
const linked = recorded.chain((body) => address.map((nextLink) => ({ value: [body], nextLink })));

it('whatever ARM answers is read, or refused with an error of ours, and nothing is sent anywhere else', async () => {
  let replies: Reply[] = [];
  const cloud = await startCloud((_, n) => replies[n % replies.length] ?? {}, { readTimeoutMs: 5_000 });
  const reply = fc.record({
    status: fc.constantFrom(200, 200, 200, 201, 202, 204, 400, 401, 403, 404, 409, 429, 500),
    headers,
    json: fc.oneof({ weight: 5, arbitrary: damaged(fc.oneof(recorded, linked)) }, nasty),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(reply, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...CALLS),
      async (given, call) => {
        replies = given.map((one) => (one.status === 204 ? { ...one, json: undefined } : one));
        await onlyOurErrors(() => call(cloud.azure, cloud.there));
        expect(isPolluted()).toBe(false);
      },
    ),
    runs(60),
  );
});

it('any error of Azure is explained in a few short texts without control characters', () => {
  const inner = fc.oneof(recorded, nasty, fc.json());
  const error = fc.letrec((tie) => ({
    error: fc.oneof(
      { maxDepth: 12 },
      inner,
      fc.record({
        code: nasty,
        message: fc.oneof(nasty, fc.json()),
        target: nasty,
        details: fc.array(tie('error'), { maxLength: 3 }),
      }),
    ),
  })).error;
  fc.assert(
    fc.property(error, (given) => {
      const faults = faultsIn(given, { status: 400, secrets: ['Zq7!vT2m'] });
      expect(faults.length).toBeLessThanOrEqual(50);
      for (const { code, message, target = '' } of faults) {
        expect(code).toMatch(/^[\w.-]{1,80}$/);
        expect(message.length).toBeLessThanOrEqual(500);
        expect(target.length).toBeLessThanOrEqual(500);
        expect(message + target).not.toMatch(/\p{Cc}/u);
      }
    }),
    runs(500),
  );
});

it.each(['a', 'a.', 'a@', 'eyJ.', 'sig=', ' '])('a text of megabytes is told in short, at once: %s…', (part) => {
  const startedAt = process.cpuUsage();
  expect(harmless(part.repeat(1_000_000)).length).toBeLessThanOrEqual(500);
  expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(5_000);
});
