import { describe, expect, it } from 'vitest';
import { AttentionError, CustomerError, RetryableError } from '../../../../src/lib/errors.ts';
import type { Fault } from '../../../../src/upstreams/azure/client.ts';
import { worstOf } from '../../../../src/upstreams/azure/taxonomy.ts';
import { errorOf, mayPass } from '../../../../src/workflows/azure/faults.ts';

function fault(facts: Partial<Fault>): Fault {
  return { code: 'X', message: 'It went wrong.', path: ['DeploymentFailed', 'X'], kind: 'transient', ...facts };
}

describe('of several causes', () => {
  it('the one that takes longest to cure decides, whatever their order', () => {
    const kinds = ['transient', 'conflict', 'capacity', 'customer', 'permanent'] as const;
    for (const [at, kind] of kinds.entries()) {
      const faults = kinds.slice(0, at + 1).map((one) => fault({ kind: one }));
      expect(worstOf(faults)?.kind).toBe(kind);
      expect(worstOf(faults.toReversed())?.kind).toBe(kind);
    }
  });

  it('how many there are is told with it', () => {
    expect(errorOf('Deployment a', [fault({}), fault({ kind: 'customer' }), fault({})]).message).toContain(
      'It went wrong. Azure names 2 more causes. It lies',
    );
  });
});

describe('what a cause asks for', () => {
  it.each([
    ['permanent', AttentionError],
    ['customer', AttentionError],
    ['capacity', RetryableError],
    ['conflict', RetryableError],
    ['transient', RetryableError],
  ] as const)('%s', (kind, expected) => {
    const error = errorOf('Deployment cloudesire-50020-1', [fault({ code: 'QuotaExceeded', kind, target: '/vm/one' })]);

    expect(error).toBeInstanceOf(expected);
    expect(error.code).toBe('azure.QuotaExceeded');
    expect(error.message).toContain('Deployment cloudesire-50020-1 failed: QuotaExceeded at /vm/one: It went wrong.');
    expect(mayPass(fault({ kind }))).toBe(expected === RetryableError);
  });

  it.each([
    ['AuthorizationFailed', /enterprise application.*role/],
    ['LinkedAuthorizationFailed', /enterprise application.*role/],
    ['RequestDisallowedByPolicy', /policy.*exempt/],
    ['QuotaExceeded', /quota .* used up: .*Usage \+ quotas/],
    ['OperationNotAllowed', /quota .* used up/],
    ['NotHeardOf', /rights, policy or locks/],
  ])('of somebody with rights there, by its code: %s', (code, expected) => {
    expect(errorOf('Deployment a', [fault({ code, kind: 'customer' })]).message).toMatch(expected);
  });

  it('what was only checked goes on by itself once cured; what was sent only by retry', () => {
    const quota = [fault({ code: 'QuotaExceeded', kind: 'customer' })];

    expect(errorOf('The check', quota)).toMatchObject({ cure: 'look' });
    expect(errorOf('Deployment a', quota, { wasSent: true })).toMatchObject({ cure: 'retry' });
  });

  it('a template is read anew by retry alone', () => {
    expect(errorOf('The check', [fault({ code: 'InvalidTemplate', kind: 'permanent' })])).toMatchObject({
      cure: 'retry',
    });
  });

  it('a name that is taken is a matter for the customer', () => {
    expect(errorOf('x', [fault({ code: 'DnsRecordInUse', kind: 'permanent' })])).toBeInstanceOf(CustomerError);
  });

  it('lack of machines is waited for, which is no failure, and asked about no more than once an hour', () => {
    const error = errorOf('The check', [fault({ code: 'AllocationFailed', kind: 'capacity', message: 'Full.' })], {
      region: 'westeurope',
    });

    expect(error).toMatchObject({
      retryAfterMs: 3_600_000,
      waitingFor:
        'Azure to have capacity in westeurope, asked for every hour: The check failed: AllocationFailed: Full. Where that lasts, sell another vmSize, or another region while nothing of the order is deployed; look tries at once',
    });
    expect(errorOf('x', [fault({ kind: 'conflict' })])).toMatchObject({ waitingFor: undefined });
  });

  it.each([
    ['No room', 'X: No room. Azure lacks'],
    ['No room.', 'X: No room. Azure lacks'],
    ['No room?', 'X: No room? Azure lacks'],
    ['', 'X. Azure lacks'],
  ])('is a sentence of its own, however Azure ends its text: %j', (message, expected) => {
    expect(errorOf('x', [fault({ message, kind: 'capacity' })]).message).toContain(expected);
  });

  it('no cause at all may pass, and says so', () => {
    expect(errorOf('x', [])).toBeInstanceOf(RetryableError);
    expect(mayPass(worstOf([]))).toBe(true);
  });

  it('a code that is no word does not get into ours', () => {
    expect(errorOf('x', [fault({ code: 'a b\n"c' })]).code).toBe('azure.refused');
  });
});
