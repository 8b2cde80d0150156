import { describe, expect, it } from 'vitest';
import { WithheldError } from '../../../../src/lib/errors.ts';
import type { Reply } from '../fake-upstream.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { refused, startPartnerCenter, tokenOf } from './partner.ts';

const PATH = '/webhooks/v1/registration';
const wanted = {
  url: 'https://connector.example/webhooks/partner-center',
  events: ['subscription-updated', 'azure-fraud-event-detected', 'test-created'],
};
const registered = replyOf(exchange('webhooks-registration', 'view'));

/** A Partner Center with this registration, and what was sent to it. */
async function withRegistration(present: Reply) {
  const answered = replyOf(exchange('webhooks-registration', 'register'));
  return startPartnerCenter(({ method }) => (method === 'GET' ? present : answered));
}

const none: [string, Reply][] = [
  ['no resource', refused(404, 1000)],
  ['no body', { status: 204 }],
  ['null', { text: 'null' }],
  ['no address', { json: { WebhookUrl: '', WebhookEvents: null } }],
];

describe('a registration', () => {
  it('is read, with the token of the application', async () => {
    const { webhooks, received } = await withRegistration(registered);
    expect(await webhooks.registration()).toEqual(wanted);
    expect(received[0]).toMatchObject({ method: 'GET', path: PATH });
    expect(tokenOf(received[0])).toBe('app-1');
  });

  it.each(none)('is known to be missing (%s)', async (_, reply) => {
    const { webhooks } = await withRegistration(reply);
    expect(await webhooks.registration()).toBeUndefined();
  });

  it('that cannot be read is not taken for a missing one', async () => {
    const { webhooks, received } = await withRegistration(refused(403, 900308));
    await expect(webhooks.register(wanted)).rejects.toMatchObject({ code: 'partner-center.900308' });
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });
});

describe('registering', () => {
  it.each(none)('creates what is missing (%s), and asks for no other header for the signature', async (_, reply) => {
    const { webhooks, received } = await withRegistration(reply);
    expect(await webhooks.register(wanted)).toBe('created');
    expect(received.map(({ method, path }) => [method, path])).toEqual([
      ['GET', PATH],
      ['POST', PATH],
    ]);
    expect(JSON.parse(received[1]?.body ?? '')).toEqual(exchange('webhooks-registration', 'register').request.body);
  });

  it.each([
    ['another address', { ...wanted, url: 'https://connector.example/other' }],
    ['fewer events', { ...wanted, events: ['subscription-updated'] }],
    ['more events', { ...wanted, events: [...wanted.events, 'invoice-ready'] }],
  ])('replaces a registration for %s', async (_, other) => {
    const { webhooks, received } = await withRegistration(registered);
    expect(await webhooks.register(other)).toBe('replaced');
    expect(received.map(({ method, path }) => [method, path])).toEqual([
      ['GET', PATH],
      ['PUT', PATH],
    ]);
    expect(JSON.parse(received[1]?.body ?? '')).toEqual({ WebhookUrl: other.url, WebhookEvents: other.events });
  });

  it.each([
    ['as it is', wanted],
    ['in another order', { ...wanted, events: [...wanted.events].reverse() }],
    ['in another case', { ...wanted, events: wanted.events.map((name) => name.toUpperCase()) }],
  ])('sends nothing for what is registered already (%s)', async (_, same) => {
    const { webhooks, received } = await withRegistration(registered);
    expect(await webhooks.register(same)).toBe('unchanged');
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is only told of in a dry run', async () => {
    const { webhooks, received } = await startPartnerCenter(() => refused(404, 1000), { readOnly: true });
    const error = await webhooks.register(wanted).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WithheldError);
    expect(error).toMatchObject({ message: `would send POST ${PATH}` });
    expect(received).toHaveLength(1);
  });
});

describe('events', () => {
  it('are told by name', async () => {
    const { webhooks, received } = await startPartnerCenter(() =>
      replyOf(exchange('webhooks-registration', 'list-events')),
    );
    expect(await webhooks.events()).toContain('reseller-relationship-accepted-by-customer');
    expect(received[0]?.path).toBe(`${PATH}/events`);
  });
});
