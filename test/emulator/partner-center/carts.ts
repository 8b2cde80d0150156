import { setTimeout as realDelay } from 'node:timers/promises';
import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import { type Fields, requireList, requireText, requireWhole, textOf, withoutAbsent } from './body.ts';
import type { Books } from './books.ts';
import { printInstant } from './calendar.ts';
import { findCustomer } from './customers.ts';
import { isGuid, newGuid } from './identifiers.ts';
import type { Cart, Customer, Line } from './model.ts';
import type { Orders } from './orders.ts';
import { refuseBlockedPurchase, refuseUnsignedReseller } from './purchase-gate.ts';
import { CART_ERROR_NAMES, examineLines, type LineParts, type WantedLine } from './purchase-lines.ts';
import { invalidInput, refusal } from './refusals.ts';
import { created, linkTo, ok } from './replies.ts';

export interface CartParts extends LineParts {
  api: Api;
  books: Books;
  orders: Orders;
  partnerTenantId: string;
  integrationUserId: string;
}

export interface Carts {
  /** While held, a checkout stays in progress; letting go finishes it. */
  holdCheckouts(on: boolean): void;
  reset(): void;
}

/**
 * Carts and their checkout. A cart is made even when a line cannot be sold: the line then carries an error. Checkout makes
 * one order for each group of lines, may succeed for one and fail for another, and orders a group only once.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-a-cart
 * @see https://learn.microsoft.com/partner-center/developer/checkout-a-cart
 */
export function defineCarts(parts: CartParts): Carts {
  const { api, clock, state, switches, books, orders } = parts;
  let gate: { opened: Promise<void>; open: () => void } | undefined;

  api.define('any', 'POST', '/v1/customers/:customerId/carts', (request) => {
    const customer = findCustomer(request, parts);
    const { lines, partnerAttested } = readCart(request.fields(), customer);
    const cart: Cart = {
      id: newGuid(),
      customerId: customer.id,
      createdAt: clock.now(),
      modifiedAt: clock.now(),
      expiresAt: clock.now() + switches.cartLifeMs,
      modifiedBy: callerOf(request),
      partnerAttested,
      ordered: false,
      processing: false,
      lines,
      orderByGroup: new Map(),
    };
    state.carts.set(cart.id, cart);
    books.write('cart created', request.cause, { customerId: customer.id, cartId: cart.id, lines: sumUp(lines) });
    return created(viewCart(cart));
  });

  api.define('any', 'GET', '/v1/customers/:customerId/carts/:cartId', (request) =>
    ok(viewCart(findCart(request, findCustomer(request, parts)))),
  );

  api.define('any', 'PUT', '/v1/customers/:customerId/carts/:cartId', (request) => {
    const customer = findCustomer(request, parts);
    const cart = findCart(request, customer);
    if (cart.processing) throw inProgress(cart);
    if (cart.ordered || cart.orderByGroup.size > 0) throw alreadySubmitted(cart);
    const { lines, partnerAttested } = readCart(request.fields(), customer);
    Object.assign(cart, { lines, partnerAttested, modifiedAt: clock.now(), modifiedBy: callerOf(request) });
    books.write('cart changed', request.cause, { customerId: customer.id, cartId: cart.id, lines: sumUp(lines) });
    return { status: switches.cartUpdateStatus, body: viewCart(cart) };
  });

  api.define('any', 'POST', '/v1/customers/:customerId/carts/:cartId/checkout', async (request) => {
    const customer = findCustomer(request, parts);
    const cart = findCart(request, customer);
    if (cart.processing) throw inProgress(cart);
    if (cart.ordered) {
      if (switches.checkoutDialect === 'refuse') throw alreadySubmitted(cart);
      return created(cart.firstAnswer);
    }
    cart.processing = true;
    try {
      await (gate?.opened ?? realDelay(switches.checkoutTakesMs));
      return checkOut(request, cart, customer);
    } finally {
      cart.processing = false;
    }
  });

  function checkOut({ cause }: Request, cart: Cart, customer: Customer): Reply {
    if (!cart.partnerAttested) throw refusal(400, 900206);
    refuseBlockedPurchase(customer, parts);
    refuseUnsignedReseller(cart.lines, parts);
    const lines = examineLines(cart.lines, customer, parts);
    for (const line of lines) {
      const wasGood = cart.lines.find(({ number }) => number === line.number)?.error === undefined;
      if (wasGood && line.error?.code === 10001) throw refusal(404, 400019);
    }

    const placed: object[] = [];
    const orderErrors: object[] = [];
    for (const group of new Set(lines.map(({ orderGroup }) => orderGroup))) {
      const earlier = cart.orderByGroup.get(group);
      if (earlier !== undefined) {
        placed.push(orders.view(state.orders.get(earlier)!, { withPrice: true }));
        continue;
      }
      const inGroup = lines.filter(({ orderGroup }) => orderGroup === group);
      const faulty = inGroup.find(({ error }) => error !== undefined)?.error;
      const outcome = faulty ?? orders.place({ customer, lines: inGroup, cause, cartId: cart.id });
      if ('code' in outcome) {
        orderErrors.push({ orderGroupId: group, code: outcome.code, description: outcome.description });
      } else {
        cart.orderByGroup.set(group, outcome.id);
        placed.push(orders.view(outcome, { withPrice: true }));
      }
    }

    const answer = {
      orders: placed,
      ...(orderErrors.length > 0 ? { orderErrors } : {}),
      attributes: { objectType: 'CartCheckoutResult' },
    };
    if (orderErrors.length === 0) Object.assign(cart, { ordered: true, firstAnswer: structuredClone(answer) });
    return created(answer);
  }

  function findCart({ params }: Request, customer: Customer): Cart {
    const id = params.cartId!;
    if (!isGuid(id)) throw invalidInput(`Cart ID ${id} should have GUID format.`);
    const cart = state.carts.get(id.toLowerCase());
    if (cart === undefined || cart.customerId !== customer.id) throw refusal(404, 800008);
    if (!cart.ordered && cart.expiresAt <= clock.now()) throw refusal(404, 800008);
    return cart;
  }

  function readCart(fields: Fields, customer: Customer): { lines: Line[]; partnerAttested: boolean } {
    const wanted = requireList(fields, 'lineItems').map(readLine);
    if (new Set(wanted.map(({ number }) => number)).size < wanted.length) {
      throw invalidInput('Every line item must have an id of its own.');
    }
    const partnerAttested = fields.partnerOnRecordAttestationAccepted === true;
    if (!partnerAttested && switches.partnerAttestationCheckedAt === 'cart') throw refusal(400, 900206);
    return { lines: examineLines(wanted, customer, parts), partnerAttested };
  }

  function callerOf({ token }: Request): string {
    return token.kind === 'user' ? parts.integrationUserId : token.clientId;
  }

  function viewCart(cart: Cart): object {
    return {
      id: cart.id,
      creationTimestamp: printInstant(cart.createdAt),
      lastModifiedTimestamp: printInstant(cart.modifiedAt),
      expirationTimestamp: printInstant(cart.expiresAt),
      lastModifiedUser: cart.modifiedBy,
      status: cart.ordered ? 'Ordered' : 'Active',
      lineItems: cart.lines.map(viewLine),
      links: { self: linkTo(`/customers/${cart.customerId}/carts/${cart.id}`) },
      attributes: { objectType: 'Cart' },
    };
  }

  function viewLine(line: Line): object {
    const {
      number,
      error,
      pricing,
      partnerIdOnRecord: _none,
      additionalPartnerIdsOnRecord: _noneEither,
      ...rest
    } = line;
    return {
      id: number,
      ...rest,
      provisioningContext: {},
      ...(pricing === undefined ? {} : { pricing: { ...pricing } }),
      ...(error === undefined ? {} : { error: viewError(error) }),
    };
  }

  function viewError({ code, description, additionalInformation }: NonNullable<Line['error']>): object {
    return withoutAbsent({
      errorCode: switches.cartErrorCodeAs === 'number' ? code : (CART_ERROR_NAMES[code] ?? code),
      errorDescription: description,
      additionalInformation,
    });
  }

  return {
    holdCheckouts(on) {
      gate?.open();
      gate = undefined;
      if (!on) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = { opened: promise, open: resolve };
    },
    reset() {
      gate?.open();
      gate = undefined;
    },
  };
}

function readLine(fields: Fields, index: number): WantedLine {
  const number = fields.id === undefined ? index : Number(fields.id);
  if (!Number.isInteger(number) || number < 0) throw invalidInput('The id of a line item must be a number from 0.');
  const { participants } = fields;
  return withoutAbsent({
    number,
    catalogItemId: requireText(fields, 'catalogItemId').toUpperCase(),
    friendlyName: textOf(fields, 'friendlyName'),
    quantity: requireWhole(fields, 'quantity', 1),
    billingCycle: requireText(fields, 'billingCycle').toLowerCase(),
    termDuration: textOf(fields, 'termDuration')?.toUpperCase(),
    currencyCode: textOf(fields, 'currencyCode'),
    customTermEndDate: textOf(fields, 'customTermEndDate'),
    promotionId: textOf(fields, 'promotionId'),
    participants: Array.isArray(participants) ? (participants as Fields[]) : undefined,
  }) as WantedLine;
}

function sumUp(lines: Line[]): object[] {
  return lines.map(({ catalogItemId, quantity, error }) => ({
    catalogItemId,
    seats: quantity,
    ...(error === undefined ? {} : { error: error.code }),
  }));
}

function inProgress({ id }: Cart) {
  return refusal(409, 800064, `Cart ${id} is being processed by another request`);
}

function alreadySubmitted({ id }: Cart) {
  return refusal(400, 800065, `Can't check out an already submitted cart ${id}.`);
}
