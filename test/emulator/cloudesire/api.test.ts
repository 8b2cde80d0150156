import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setupMarketplace } from './connector-double.ts';
import { CMW_AUTH_TOKEN } from './emulator.ts';

let marketplace: Awaited<ReturnType<typeof setupMarketplace>>;
beforeEach(async () => {
  marketplace = await setupMarketplace();
});
afterEach(() => marketplace.close());

function example(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`./seed/examples/${name}.json`, import.meta.url), 'utf8'));
}

const basic = (name: string, password: string) => ({ Authorization: `Basic ${btoa(`${name}:${password}`)}` });
const VENDOR = basic('ms-connector', 'connector-password-for-tests');
const ADMIN = basic('platform-admin', 'admin-password-for-tests');
const CUSTOMER = basic('giulia.ferri@officineverdi.example', 'customer-1301-password-for-tests');

/** A call without the connector's token. */
async function callAs(headers: Record<string, string>, method: string, path: string, body?: unknown) {
  const response = await fetch(`${marketplace.emulator.url}/${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe('authentication', () => {
  it('knows the connector by its permanent token', async () => {
    const { body } = await marketplace.get('user/me');
    expect(body).toMatchObject({ id: 41, userRole: 'ROLE_VENDOR', company: { url: 'company/40' } });
    expect((await marketplace.get('user/amIVendor')).status).toBe(204);
    expect((await marketplace.get('user/amIAdmin')).status).toBe(403);
  });

  it('refuses missing and wrong credentials with the error body of the platform', async () => {
    const refused = {
      errorHolders: [{ key: 'authentication-failed', error: 'Authentication failed', extraFields: {} }],
    };
    for (const headers of [
      {},
      { 'CMW-Auth-Token': 'wrong' },
      basic('ms-connector', 'wrong'),
      { Authorization: 'Bearer x' },
    ]) {
      expect(await callAs(headers, 'GET', 'user/me')).toEqual({ status: 401, body: refused });
    }
    expect((await callAs({}, 'GET', 'no/such/path')).status).toBe(401);
  });

  it('gives short-lived tokens that expire in virtual time', async () => {
    const { status, body: token } = await callAs(VENDOR, 'POST', 'login?expire=true');
    expect(status).toBe(200);
    expect((await callAs({ 'CMW-Auth-Token': token }, 'GET', 'user/me')).status).toBe(200);
    await marketplace.clock.advance(3_600_000);
    expect((await callAs({ 'CMW-Auth-Token': token }, 'GET', 'user/me')).status).toBe(401);
    expect(marketplace.emulator.secrets()).toContain(token);
  });

  it('ends a token at logout', async () => {
    const { body: token } = await callAs(VENDOR, 'POST', 'login');
    expect((await callAs({ 'CMW-Auth-Token': token }, 'POST', 'logout')).status).toBe(204);
    expect((await callAs({ 'CMW-Auth-Token': token }, 'GET', 'user/me')).status).toBe(401);
  });

  it('voids the permanent token when a new one is asked for', async () => {
    const { body: token } = await callAs(VENDOR, 'POST', 'login?expire=false');
    expect((await callAs({ 'CMW-Auth-Token': CMW_AUTH_TOKEN }, 'GET', 'user/me')).status).toBe(401);
    expect((await callAs({ 'CMW-Auth-Token': token }, 'GET', 'user/me')).status).toBe(200);
  });
});

describe('the frame of every answer', () => {
  it('carries request id, remaining tokens and the virtual date', async () => {
    await marketplace.reach('2026-03-02T09:15:00Z');
    const { headers } = await marketplace.get('user/me');
    expect(headers.get('cmw-request-id')).toMatch(/^[0-9a-f]{8}$/);
    expect(headers.get('x-rate-limit-remaining')).toBe('4999');
    expect(headers.get('date')).toBe('Mon, 02 Mar 2026 09:15:00 GMT');
  });

  it('answers 404 for unknown and 405 for known paths with another method, and logs both', async () => {
    expect((await marketplace.get('nothing')).body.errorHolders[0].key).toBe('resource-not-found');
    expect((await marketplace.call('PUT', 'subscription/50010')).status).toBe(405);
    const { calls } = marketplace.emulator.server;
    expect(calls.map(({ path, status }) => `${path} ${status}`)).toEqual([
      '/api/nothing 404',
      '/api/subscription/50010 405',
    ]);
  });

  it('says which resource is missing', async () => {
    expect((await marketplace.get('subscription/99999')).body).toEqual({
      errorHolders: [
        { key: 'resource-not-found', error: 'Subscription 99999 not found', extraFields: { id: '99999' } },
      ],
    });
    marketplace.emulator.setSwitches({ errorForm: 'errors' });
    expect((await marketplace.get('subscription/99999')).body).toEqual({ errors: ['Subscription 99999 not found'] });
  });

  it('refuses malformed JSON and malformed API versions', async () => {
    const id = marketplace.emulator.placeOrder({ plan: 2101, buyer: 1301 });
    const response = await fetch(`${marketplace.emulator.url}/subscription/${id}`, {
      method: 'PATCH',
      headers: { 'CMW-Auth-Token': CMW_AUTH_TOKEN },
      body: '{"deploymentStatus":',
    });
    expect(response.status).toBe(400);
    expect((await marketplace.get('user/me?apiVersion=latest')).status).toBe(400);
  });

  it('enforces the rate limit when switched on, until the next minute', async () => {
    const { clock, emulator, get } = marketplace;
    emulator.setSwitches({ rateLimit: 'enforced', rateLimitPerMinute: 2 });
    await get('user/me');
    await get('user/me');
    const { status, headers } = await get('user/me');
    expect(status).toBe(429);
    const waitMs = Number(headers.get('x-rate-limit-retry-after-milliseconds'));
    expect(waitMs).toBeGreaterThan(0);
    await clock.advance(waitMs);
    expect((await get('user/me')).status).toBe(200);
  });

  it('suffers faults like any upstream', async () => {
    const { faults, emulator, call } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    faults.inject({ server: 'cloudesire', method: 'PATCH', kind: 'reset-after' });
    await expect(call('PATCH', `subscription/${id}`, { body: { deploymentStatus: 'FAILED' } })).rejects.toThrow();
    expect(emulator.subscription(id).deploymentStatus).toBe('FAILED');
  });
});

describe('lists of subscriptions', () => {
  async function placeSeven() {
    const { emulator, deploy } = marketplace;
    for (const plan of [2101, 2101, 2201, 2301, 2101, 2102, 2101]) {
      emulator.placeOrder({ plan, buyer: 1301, paid: true });
    }
    await deploy(50_010);
  }

  it('are cut into pages with the totals in the headers', async () => {
    await placeSeven();
    const query = 'subscription?productType=CSP&status=PENDING,UNDEPLOY_SENT&pageSize=4';
    const first = await marketplace.get(query);
    expect(first.body.map(({ id }: { id: number }) => id)).toEqual([50011, 50012, 50013, 50014]);
    expect(first.headers.get('cmw-totalitems')).toBe('6');
    expect(first.headers.get('cmw-totalpages')).toBe('2');
    const second = await marketplace.get(`${query}&pageNumber=2`);
    expect(second.body).toHaveLength(2);
    expect(second.headers.get('cmw-pagenumber')).toBe('2');
    expect((await marketplace.get(`${query}&pageNumber=3`)).body).toEqual([]);
  });

  it('answer HEAD with the headers alone', async () => {
    await placeSeven();
    const { status, headers, text } = await marketplace.call('HEAD', 'subscription?product=220');
    expect([status, headers.get('cmw-totalitems'), text]).toEqual([200, '1', '']);
  });

  it.each(['pageSize=51', 'pageSize=0', 'pageNumber=0', 'pageSize=x', 'status=RUNNING', 'type=PAID', 'sortField=x'])(
    'refuse %s',
    async (query) => {
      expect((await marketplace.get(`subscription?${query}`)).status).toBe(400);
    },
  );

  it('filter by id, product, configuration and metadata', async () => {
    await placeSeven();
    await marketplace.call('PUT', 'subscription/50013/metadata', { body: { colour: 'blue' } });
    const ids = async (query: string) =>
      (await marketplace.get(`subscription?${query}`)).body.map(({ id }: { id: number }) => id);
    expect(await ids('id=50010,50013')).toEqual([50010, 50013]);
    expect(await ids('product=230')).toEqual([50013]);
    expect(await ids('metadata%5Bcolour%5D=blue')).toEqual([50013]);
    expect(await ids('configuration%5BDNS_PREFIX%5D=officine-web&status=PENDING')).toEqual([50012, 50013]);
    expect(await ids('search=hardened')).toEqual([50012]);
    expect(await ids('sortField=createdAt&sortDirection=DESC&pageSize=1')).toHaveLength(1);
  });

  it('may refuse the product type to the account', async () => {
    marketplace.emulator.setSwitches({ productTypeFilterAllowed: false });
    expect((await marketplace.get('subscription?productType=CSP')).status).toBe(403);
    expect((await marketplace.get('subscription?product=210')).status).toBe(200);
  });

  it('leave the configuration parameters to the detail', async () => {
    await placeSeven();
    const [element] = (await marketplace.get('subscription')).body;
    expect(element).not.toHaveProperty('configurationParameters');
    expect(element).not.toHaveProperty('credentials');
    const [older] = (await marketplace.get('subscription?apiVersion=20220211')).body;
    expect(older.configurationParameters).toEqual({ 'configurationParameter/705': 'officineverdi' });
  });

  it('shrink as the Prefer header says', async () => {
    marketplace.emulator.reset({ firstSubscriptionId: 50_030 });
    marketplace.emulator.placeOrder({
      plan: 2301,
      buyer: 1302,
      resellerSlug: 'kueste-it',
      parameters: { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral' },
    });
    const prefer = async (form: string) =>
      (await marketplace.call('GET', 'subscription', { headers: { Prefer: `response=${form}` } })).body[0];
    expect(await prefer('minimal')).toEqual({
      id: 50030,
      name: 'Two-tier Web Stack - Base stack',
      self: 'subscription/50030',
    });
    const expected = example('subscription-50030-deployment-representation');
    const [dns, { description: _label, ...region }, password] = expected.configurationParameters as Record<
      string,
      unknown
    >[] as [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>];
    expect(await prefer('deployment')).toEqual({ ...expected, configurationParameters: [dns, region, password] });
  });
});

describe('a subscription by API version', () => {
  async function deployedAsInTheExamples() {
    const { emulator, call, reach } = marketplace;
    await reach('2026-03-02T09:15:00Z');
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true });
    const endpoints = [
      { endpoint: 'https://portal.office.com', description: 'Microsoft 365 portal', category: 'APP' },
      {
        endpoint: 'https://learn.microsoft.com/microsoft-365',
        description: 'Documentation',
        category: 'DOCUMENTATION',
      },
    ];
    const path = `subscription/${id}`;
    const it =
      "Il tuo ambiente Microsoft 365 è pronto. Accedi con l'utente amministratore indicato tra le credenziali.";
    await call('POST', `${path}/endpoints`, { body: endpoints });
    await call('POST', `${path}/instructions`, { body: { en: 'Ready', it } });
    await call('POST', `${path}/credentials`, {
      body: [
        { key: 'username', value: 'a', weight: 1, description: { it: 'Nome utente' } },
        { key: 'password', value: 'b', weight: 2, description: { it: 'Parola chiave temporanea' } },
      ],
    });
    await reach('2026-03-02T09:24:05Z');
    await call('PATCH', path, { body: { deploymentStatus: 'DEPLOYED' } });
    return path;
  }

  it('has its maps in the oldest form when no version is given', async () => {
    const path = await deployedAsInTheExamples();
    const { body } = await callAs({ 'CMW-Auth-Token': CMW_AUTH_TOKEN }, 'GET', path);
    expect(body).toEqual(example('subscription-50010-3-deployed-without-apiversion'));
  });

  it('has one list and one map in between', async () => {
    const path = await deployedAsInTheExamples();
    const { body } = await marketplace.get(`${path}?apiVersion=20220211`);
    expect(body).toEqual(example('subscription-50010-3-deployed-20220211'));
  });

  it('can write other dates, numbers and spellings', async () => {
    const { emulator, get, reach } = marketplace;
    await reach('2026-03-02T09:15:00Z');
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 25 });
    emulator.setSwitches({ dateForm: 'epoch', quantityForm: 'ten-decimals', unpaidSpelling: 'WAITING_FOR_PAYMENT' });
    const { body, text } = await get(`subscription/${id}`);
    expect(body.createdAt).toBe(Date.parse('2026-03-02T09:15:00Z'));
    expect(body.deploymentStatus).toBe('WAITING_FOR_PAYMENT');
    expect(text).toContain('"value":25.0000000000');
  });

  it('may stay invisible for a while after its event', async () => {
    const { emulator, get } = marketplace;
    emulator.setSwitches({ invisibleReads: 2 });
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301 });
    const statuses = [];
    for (let read = 0; read < 3; read += 1) statuses.push((await get(`subscription/${id}`)).status);
    expect(statuses).toEqual([404, 404, 200]);
  });

  it('may be gone after its end', async () => {
    const { emulator, deploy, call, get } = marketplace;
    const id = emulator.placeOrder({ plan: 2101, buyer: 1301, paid: true });
    await deploy(id);
    emulator.terminate(id);
    await call('PATCH', `subscription/${id}`, { body: { deploymentStatus: 'UNDEPLOYED' } });
    expect((await get(`subscription/${id}`)).body.deploymentStatus).toBe('UNDEPLOYED');
    emulator.setSwitches({ readAfterDeleted: 'not-found' });
    expect((await get(`subscription/${id}`)).status).toBe(404);
    expect((await get('subscription')).body).toEqual([]);
  });

  it('hides sensitive parameters from the vendor when switched so', async () => {
    const { emulator, get } = marketplace;
    const id = emulator.placeOrder({ plan: 2301, buyer: 1302 });
    const codes = async () =>
      (await get(`subscription/${id}`)).body.configurationParameters.map(({ code }: { code: string }) => code);
    expect(await codes()).toEqual(['DNS_PREFIX', 'REGION', 'ADMIN_PASSWORD']);
    emulator.setSwitches({ sensitiveParameters: 'absent' });
    expect(await codes()).toEqual(['DNS_PREFIX', 'REGION']);
  });
});

describe('customers', () => {
  it('are read with their company and address', async () => {
    const { get } = marketplace;
    const user = (await get('user/1301')).body;
    expect(user).toMatchObject({ email: 'giulia.ferri@officineverdi.example', culture: 'it_IT' });
    const company = (await get(user.company.url)).body;
    expect(company).toMatchObject({ name: 'Officine Verdi S.p.A.', address: { countryCode: 'IT', state: 'BS' } });
    expect((await get('user/email=jonas.brandt@hafenkontor.example')).body.id).toBe(1302);
    expect((await get('user/1303')).body).not.toHaveProperty('company');
  });

  it('name their company where the switch says', async () => {
    const { emulator, get } = marketplace;
    const fields = async () => {
      const { company, userCompany } = (await get('user/1302')).body;
      return [company?.url, userCompany?.url];
    };
    expect(await fields()).toEqual(['userCompany/513', undefined]);
    emulator.setSwitches({ buyerCompany: 'userCompany' });
    expect(await fields()).toEqual([undefined, 'userCompany/513']);
    emulator.setSwitches({ buyerCompany: 'none' });
    expect(await fields()).toEqual([undefined, undefined]);
    emulator.setSwitches({ userCompanyReadable: false });
    expect((await get('userCompany/513')).status).toBe(403);
  });

  it('change when a test says so', async () => {
    const { emulator, get } = marketplace;
    emulator.putBuyer(1301, { phoneNumber: null, address: null });
    emulator.putCompany(512, { taxCode: 'IT00000000000' });
    expect((await get('user/1301')).body).not.toHaveProperty('address');
    expect((await get('userCompany/512')).body.taxCode).toBe('IT00000000000');
    emulator.putBuyer(1400, { name: 'Ada', company: { url: 'userCompany/600' } });
    emulator.putCompany(600, { name: 'Neu GmbH' });
    expect((await get('user/1400')).body).toMatchObject({ name: 'Ada', userRole: 'ROLE_USER' });
  });

  it('see nobody but themselves, and keep vendors’ metadata apart', async () => {
    expect((await callAs(CUSTOMER, 'GET', 'user/1302')).status).toBe(403);
    expect((await callAs(CUSTOMER, 'GET', 'user/1301')).status).toBe(200);
    const path = 'user/1301/metadata';
    await marketplace.call('PUT', `${path}?asCompany=nordlicht`, { body: { microsoftCustomerId: 'a' } });
    expect((await marketplace.get(path)).body).toEqual({});
    expect((await marketplace.get(`${path}?asCompany=nordlicht`)).body).toEqual({ microsoftCustomerId: 'a' });
  });

  it('live in countries that are found by name in any language', async () => {
    const { get } = marketplace;
    expect((await get('countryCodes?country=Deutschland')).body).toEqual([{ countryCode: 'DE', country: 'Germany' }]);
    const all = (await get('countryCodes?language=it')).body;
    expect(all.length).toBeGreaterThan(200);
    expect(all).toContainEqual({ countryCode: 'DE', country: 'Germania' });
  });
});

describe('the catalogue', () => {
  it('has one product of each kind, with the offers in the metadata of the plans', async () => {
    const { emulator, get } = marketplace;
    const products = (await get('product?productType=CSP')).body;
    expect(products.map(({ cspProductType }: { cspProductType: string }) => cspProductType)).toEqual([
      'license',
      'azure',
      'arm',
    ]);
    expect((await get('productVersion/2101/metadata')).body).toEqual({
      offerId: 'CFQ7TTC0XA11:0001',
      partnerCenterTrialOfferId: 'CFQ7TTC0XA11:0003',
    });
    expect((await get('product/sku/azure-two-tier-web')).body).toMatchObject({
      id: 230,
      published: '2026-02-01T08:00:00Z',
      configurationParameters: [{ code: 'DNS_PREFIX' }, { code: 'REGION' }, { code: 'ADMIN_PASSWORD' }],
    });
    emulator.setSwitches({ cspProductTypeSpelling: 'constant' });
    expect((await get('product/220')).body.cspProductType).toBe('AZURE_MARKETPLACE');
  });

  it('answers plans, parameters and extra resources by id and by identifier', async () => {
    const { get } = marketplace;
    expect((await get('productVersion?product=210')).body).toHaveLength(2);
    expect((await get('productVersion/identifier/hardened-linux-std')).body.id).toBe(2201);
    expect((await get('configurationParameter?productId=230')).body).toHaveLength(3);
    expect((await get('configurationParameter/705')).body.code).toBe('MICROSOFT_DOMAIN');
    expect((await get('billingItem/identifier=licenses')).body.id).toBe(901);
    expect((await get('billingItem/902')).body.identifier).toBe('azure-usage');
  });

  it('changes metadata of plans and products', async () => {
    const { emulator, get } = marketplace;
    emulator.deletePlanMetadata(2101, 'offerId');
    emulator.putProductMetadata(210, { offerId: 'CFQ7TTC0XA11:0001' });
    expect((await get('productVersion/2101/metadata')).body).not.toHaveProperty('offerId');
    expect((await get('product/210/metadata')).body).toEqual({ offerId: 'CFQ7TTC0XA11:0001' });
  });

  it('imports CSP products for administrators only', async () => {
    const body = {
      name: 'Visio',
      sku: 'visio',
      company: { url: 'company/40' },
      price: 5.1,
      offerId: 'CFQ7TTC0XC33:0001',
    };
    expect((await callAs(VENDOR, 'POST', 'product/csp/license', body)).status).toBe(403);
    const { status, body: product } = await callAs(ADMIN, 'POST', 'product/csp/license', body);
    expect(status).toBe(201);
    const plan = product.productVersion[0].url;
    expect((await marketplace.get(`${plan}/metadata`)).body).toEqual({ offerId: 'CFQ7TTC0XC33:0001' });
    expect((await callAs(ADMIN, 'POST', 'product/csp/azure', { ...body, sku: 'vm' })).status).toBe(400);
  });
});

describe('orders and invoices', () => {
  it('are listed since a date and by subscription', async () => {
    const { clock, emulator, get } = marketplace;
    emulator.placeOrder({ plan: 2101, buyer: 1301, licenses: 10, paid: true, externalReference: 'PO-2026-0031' });
    await clock.advance(3_600_000);
    emulator.placeOrder({ plan: 2301, buyer: 1302, resellerSlug: 'kueste-it' });
    const recent = (await get('order?from=2026-03-02T10:00:00.000Z')).body;
    expect(recent).toMatchObject([{ id: 61011, reseller: { url: 'reseller/77' } }]);
    expect(recent[0]).not.toHaveProperty('totalPrice');
    expect((await get('order/externalReference=PO-2026-0031')).body).toMatchObject({
      type: 'NORMAL',
      totalPrice: 251.32,
      status: 'PAID',
    });
    expect((await get('invoice?paid=true')).body).toMatchObject([
      { id: 70010, total: { price: 206, vatSpunOff: 45.32, total: 251.32 }, status: 'PAID' },
    ]);
    expect((await get('invoice?subscriptionId=50011')).body).toMatchObject([{ status: 'UNPAID', paid: false }]);
  });

  it('can be placed over the API with checked parameters, approved and paid', async () => {
    const order = {
      type: 'NORMAL',
      productVersion: { url: 'productVersion/2101' },
      billingItems: { 'billingItem/901': 5 },
      configurationParameters: { 'configurationParameter/705': 'officineverdi' },
    };
    const wrong = { ...order, configurationParameters: { 'configurationParameter/705': 'NO!' } };
    expect((await callAs(CUSTOMER, 'POST', 'order', wrong)).status).toBe(400);
    marketplace.emulator.putProduct(210, { subscriptionApproval: true });
    const { status, body } = await callAs(CUSTOMER, 'POST', 'order', order);
    expect([status, body.status]).toEqual([201, 'REQUIRES_APPROVAL']);
    expect((await marketplace.call('POST', `order/${body.id}/approve`)).status).toBe(204);
    const paid = await callAs(ADMIN, 'PATCH', 'invoice/70010/pay', { reference: 'bank-1' });
    expect(paid.body).toMatchObject({ status: 'PAID', paymentReference: 'bank-1' });
    expect(marketplace.emulator.subscription(50_010)).toMatchObject({ deploymentStatus: 'PENDING', licenses: 5 });
  });
});
