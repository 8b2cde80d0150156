import { expect, it } from 'vitest';
import { patternOf } from '../../../src/lib/route-pattern.ts';

it.each([
  ['/v1/customers/2e2f4780-a8d8-45f7-a11c-1e131d4539df/orders', '/v1/customers/{id}/orders'],
  ['/v1/domains/contoso.onmicrosoft.com', '/v1/domains/{id}'],
  ['/api/subscription/50010', '/api/subscription/{id}'],
  ['/contoso.example/oauth2/v2.0/token', '/{id}/oauth2/v2.0/token'],
  [
    '/subscriptions/a3/resourcegroups/cloudesire-50010/providers/Microsoft.Compute/virtualMachines/web-1/start',
    '/subscriptions/{id}/resourcegroups/{id}/providers/Microsoft.Compute/virtualMachines/{id}/start',
  ],
  ['/v1/customers/eva%40contoso.example/users/{x}', '/v1/customers/{id}/users/{id}'],
  [
    '/v1/customers/7/directSignedMicrosoftCustomerAgreementStatus',
    '/v1/customers/{id}/directSignedMicrosoftCustomerAgreementStatus',
  ],
  ['/', '/'],
])('tells of %s the kind of call and no name', (path, pattern) => {
  expect(patternOf(path)).toBe(pattern);
});
