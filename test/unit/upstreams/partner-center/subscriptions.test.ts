import { describe, expect, it } from 'vitest';
import { PermanentError } from '../../../../src/lib/errors.ts';
import { WithheldError } from '../../../../src/upstreams/http.ts';
import type { SubscriptionChange } from '../../../../src/upstreams/partner-center/subscriptions.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter } from './partner.ts';

const ID = 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54';
const PATH = `/v1/customers/${CUSTOMER}/subscriptions/${ID}`;
const licence = exchange('get-subscriptions', 'get-subscription').response.body as Record<string, unknown>;

/** A subscription that takes any change, and the body that it was changed with. */
async function changeOf(change: SubscriptionChange, resource = licence) {
  const { subscriptions, received } = await startPartnerCenter(({ method, body }) => ({
    json: method === 'GET' ? resource : JSON.parse(body),
  }));
  const changed = await subscriptions.update(CUSTOMER, ID, change, EFFECT);
  const patch = received[1];
  return { changed, patch, sent: JSON.parse(patch?.body ?? '') as Record<string, unknown>, received };
}

describe('reading', () => {
  it('lists and finds, and knows what does not exist', async () => {
    const { subscriptions, received } = await startPartnerCenter((_, n) =>
      n === 0 ? { json: { items: [licence] } } : n === 1 ? { json: licence } : refused(404, 20003),
    );
    expect(await subscriptions.list(CUSTOMER)).toMatchObject([{ id: ID }]);
    expect(await subscriptions.get(CUSTOMER, ID)).toMatchObject({ id: ID, quantity: 10 });
    expect(await subscriptions.get(CUSTOMER, ID)).toBeUndefined();
    expect(received[1]?.path).toBe(PATH);
  });
});

describe('a change', () => {
  it('sends the whole resource as it was read, with that one field changed', async () => {
    const { changed, patch, sent, received } = await changeOf({ quantity: 15 });
    expect(received.map(({ method, path }) => [method, path])).toEqual([
      ['GET', PATH],
      ['PATCH', PATH],
    ]);
    expect(sent).toEqual({ ...licence, quantity: 15 });
    expect(patch?.headers['ms-requestid']).toBe(EFFECT.requestId);
    expect(received[0]?.headers['ms-requestid']).not.toBe(EFFECT.requestId);
    expect(changed).toMatchObject({ id: ID, quantity: 15 });
  });

  it('sends back what it does not know, nulls included', async () => {
    const resource = { ...licence, novelty: { deep: [1, null] }, nothing: null };
    expect((await changeOf({ friendlyName: 'x' }, resource)).sent).toEqual({ ...resource, friendlyName: 'x' });
  });

  it('replaces a field that the resource spells differently, instead of adding another', async () => {
    const { quantity, ...rest } = licence;
    expect((await changeOf({ quantity: 15 }, { ...rest, Quantity: quantity })).sent).toEqual({ ...rest, quantity: 15 });
  });

  it('ends a term: renewal off and cancellation scheduled, in one request', async () => {
    const scheduledActions = [{ scheduleType: 'TermEnd', actionType: 'Cancel' }];
    const { sent, changed } = await changeOf({ autoRenewEnabled: false, scheduledActions });
    expect(sent).toEqual({ ...licence, autoRenewEnabled: false, scheduledActions });
    expect(changed).toMatchObject({ autoRenewEnabled: false, scheduledActions });
  });

  it('removes a schedule', async () => {
    expect((await changeOf({ scheduledActions: null })).sent).toMatchObject({ scheduledActions: null });
  });

  it('names the version that it changes only where there is one', async () => {
    expect((await changeOf({ quantity: 15 })).patch?.headers).not.toHaveProperty('if-match');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: '' } })).patch?.headers,
    ).not.toHaveProperty('if-match');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: 'e7' } })).patch?.headers['if-match'],
    ).toBe('"e7"');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: '"e7"' } })).patch?.headers['if-match'],
    ).toBe('"e7"');
  });

  it('may be accepted before it is made', async () => {
    const { subscriptions } = await startPartnerCenter(({ method }) =>
      method === 'GET' ? { json: licence } : replyOf(exchange('change-quantity', 'increase-slow')),
    );
    expect(await subscriptions.update(CUSTOMER, ID, { quantity: 15 }, EFFECT)).toBeUndefined();
  });

  it.each([
    ['cancel-subscription', 'cancel-late', '900117'],
    ['cancel-subscription', 'cancel-late-hours', '900213'],
    ['change-quantity', 'decrease-late', '800090'],
  ])('%s, %s: is refused for good once the window has closed', async (file, name, code) => {
    const { subscriptions } = await startPartnerCenter(({ method }) =>
      method === 'GET' ? { json: licence } : replyOf(exchange(file, name)),
    );
    const error = await subscriptions
      .update(CUSTOMER, ID, { status: 'deleted' }, EFFECT)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: `partner-center.${code}`, effect: 'none', facts: { upstreamCode: code } });
  });

  it('is only told of in a dry run', async () => {
    const { subscriptions, received } = await startPartnerCenter(() => ({ json: licence }), { readOnly: true });
    const error = await subscriptions
      .update(CUSTOMER, ID, { status: 'deleted' }, EFFECT)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WithheldError);
    expect(error).toMatchObject({ message: `would send PATCH ${PATH}` });
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });
});
