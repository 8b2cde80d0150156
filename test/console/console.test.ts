import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { FAINT_TEXTS, NAMELESS, STICKS_OUT, startBrowser } from './browser.ts';
import { createNight, HOSTILE, type Night, type Stage, setStage } from './stage.ts';

/* The console as a person uses it: a real browser, the service, its Redis, and emulated upstreams on a bad night. */

const NAME = 'Ada Lovelace';
const DESKTOP = { width: 1280, height: 850 };
const TABLET = { width: 768, height: 1024 };
const FOLDED = { width: 280, height: 653 };
const PHONE = { width: 360, height: 740 };
const REFRESH_MS = 10_000;

// Seconds, on a machine that has nothing else to do.
const WITHIN_MS = 120_000;
vi.setConfig({ testTimeout: 2 * WITHIN_MS, hookTimeout: 2 * WITHIN_MS });

let browser: Browser;
let stage: Stage;
let night: Night;
const contexts: BrowserContext[] = [];
/** What the browser complained about, by whatever page. */
const complaints: string[] = [];

beforeAll(async () => {
  [browser, stage] = await Promise.all([startBrowser(), setStage(inject('redisUrl'))]);
  night = await createNight(stage);
});

afterEach(async () => {
  const over = contexts.splice(0);
  await Promise.all(
    over.flatMap((context) => context.pages()).map((page) => page.unrouteAll({ behavior: 'ignoreErrors' })),
  );
  await Promise.all(over.map((context) => context.close()));
  expect(complaints.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser.close();
  await stage.end();
});

/** A browser of its own, whose clock stands still until the test lets time pass. */
async function open(options: { viewport?: typeof DESKTOP; colorScheme?: 'light' | 'dark' } = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(WITHIN_MS);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(`a window: ${dialog.message()}`));
  page.on('console', (message) => {
    // That a call was refused or failed is what some tests are about.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  await page.clock.install();
  return page;
}

async function logIn(page: Page, place = ''): Promise<void> {
  await page.goto(`${stage.url}/ops${place}`);
  await page.getByLabel('Your name').fill(NAME);
  await page.getByLabel('Operations token').fill(stage.token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
}

/** Goes to a view, and waits until all of it is there. */
async function goTo(page: Page, place: string): Promise<void> {
  await page.goto(`${stage.url}/ops${place}`);
  await settled(page);
}

async function settled(page: Page): Promise<void> {
  await page.locator('main:not([aria-busy]) h1').waitFor();
}

const views = () => [
  '#overview',
  '#subscriptions',
  '#subscriptions?state=waiting',
  ...Object.values(night)
    .flat()
    .map((id) => `#subscriptions/${id}`),
  '#subscriptions/77777',
  '#stuck',
  '#exposures',
  '#limits',
  '#customers',
  '#audit',
];

describe('logging in', () => {
  it('needs the right token, and keeps it nowhere a script could read it', async () => {
    const page = await open();
    await page.goto(`${stage.url}/ops`);
    await page.getByLabel('Your name').fill(NAME);
    await page.getByLabel('Operations token').fill('guessed');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'not the value of OPS_TOKEN' }).waitFor();

    await page.getByLabel('Operations token').fill(stage.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Needs you now' }).waitFor();
    expect(await page.locator('#who').textContent()).toContain(NAME);
    const readable =
      'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, document.body.outerHTML])';
    expect(await page.evaluate(readable)).not.toContain(stage.token);

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  it('is asked for again when the session is over, and leaves everything where it was', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.held}`);
    await settled(page);
    await page.locator('details summary').first().click();
    await page.context().clearCookies();
    await page.clock.runFor(REFRESH_MS);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await page.getByLabel('Your name').inputValue()).toBe(NAME);
    expect(await page.locator('main').textContent()).not.toContain(String(night.held));

    await page.getByLabel('Operations token').fill(stage.token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    expect(page.url()).toContain(`#subscriptions/${night.held}`);
    await page.getByRole('heading', { name: String(night.held) }).waitFor();
    expect(await page.locator('details[open]').count()).toBe(1);
  });

  it('over by pressing Log out, leaves nothing to read, and a question that nothing but the token closes', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.held}`);
    await settled(page);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    for (let times = 0; times < 4; times += 1) {
      await page.keyboard.press('Escape');
      await page.mouse.click(5, 5);
    }
    await page.clock.runFor(REFRESH_MS);
    expect(await page.getByRole('heading', { name: 'Log in' }).isVisible()).toBe(true);
    expect(await page.locator('main').textContent()).toBe('');
    expect(`${await page.content()} ${await page.title()}`).not.toContain(String(night.held));
  });

  it('over in the midst of a press of one person, offers nothing of it to another', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.delivered}`);
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByLabel('Reason').fill('never sent');
    await page.context().clearCookies();
    await page.clock.runFor(REFRESH_MS);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.getByLabel('Your name').fill('Grace Hopper');
    await page.getByLabel('Operations token').fill(stage.token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Hold' }).waitFor();
    expect(await page.locator('#press').isVisible()).toBe(false);
    const said = page.getByRole('status').filter({ hasText: `Not pressed: “Hold: ${night.delivered}”, which ${NAME}` });
    await said.waitFor();
    // It may lie over a button.
    await said.click();
    expect(await said.isVisible()).toBe(false);
  });

  it('over in the midst of a press is told too; what was typed is pressed by nobody, and still there afterwards', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.delivered}`);
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByLabel('Reason').fill('never sent');
    await page.context().clearCookies();
    await page.locator('#press').getByRole('button', { name: 'Hold' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await page.getByRole('status').filter({ hasText: 'Your session has ended.' }).waitFor();

    await page.getByLabel('Operations token').fill(stage.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Hold: ${night.delivered}` }).waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('never sent');
    expect(await page.evaluate('document.activeElement.id')).toBe('press-reason');
    expect(JSON.stringify(await stage.ask('/audit'))).not.toContain('never sent');
    await page.getByRole('button', { name: 'Cancel' }).click();
  });

  it('says so when the token was changed, also to whoever has a question open, and says nothing to who has just come', async () => {
    const page = await open();
    await page.goto(`${stage.url}/ops#subscriptions/${night.delivered}`);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await page.locator('#login-why').isVisible()).toBe(false);
    await logIn(page, `#subscriptions/${night.delivered}`);
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByLabel('Reason').fill('half a wo');
    // As a browser has it after the change: a session that was signed with another token.
    const [cookie] = await page.context().cookies(`${stage.url}/ops`);
    await page.context().addCookies([{ ...cookie!, value: `${cookie!.value.split('.')[0]}.${'A'.repeat(43)}` }]);
    await page.clock.runFor(REFRESH_MS);
    await page.getByRole('status').filter({ hasText: 'The operations token was changed' }).waitFor();
    await page.getByLabel('Operations token').fill(stage.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Hold: ${night.delivered}` }).waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('half a wo');
    await page.getByRole('button', { name: 'Cancel' }).click();

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await page.locator('#login-why').isVisible()).toBe(false);
  });
});

describe('the overview', () => {
  it('puts first what is out, then what only operations can cure, then the rest', async () => {
    const page = await open();
    await page.route('**/ops/api/overview', async (route) => {
      const response = await route.fetch();
      const counts = (await response.json()) as object;
      const since = new Date(Date.now() - 3_600_000).toISOString();
      const circuits = [{ upstream: 'arm', open: true, since }];
      const notes = ['The records are being rebuilt.'];
      await route.fulfill({
        response,
        json: { ...counts, circuits, notes, backlog: 7, readOnly: true },
      });
    });
    await logIn(page);
    await settled(page);
    expect(await page.locator('.matters > li').allTextContents()).toEqual([
      expect.stringMatching(/^Azure is out, for \d+ (min|h)\.What needs it waits; that time/),
      expect.stringMatching(/^needs you2 subscriptions.*restore the reseller relationship.*Look at all 2 now/),
      expect.stringMatching(/^needs you1 subscription.*partner-center/),
      'The records are being rebuilt.',
      expect.stringMatching(/^failed1 subscription.*customer.company-required/),
      expect.stringMatching(/^2 signed bodies could not be understood/),
    ]);
    await page.getByText('Dry run').waitFor();
    expect(await page.title()).toMatch(/^\(6\) Overview/);
    expect(await page.locator('.tiles').textContent()).toContain('28.00 EUR a billing period');
  });
});

describe('a note of what holds up everything', () => {
  it.each([
    { workers: { count: 0, lastSeenAt: null } },
    { backlog: 7, oldestWaitingS: 900 },
    { throttles: [{ upstream: 'partner-center', until: '2099-01-01T00:00:00.000Z', waiting: 6 }] },
  ])('stands before all that waits for it: %j', async (facts) => {
    const page = await open();
    await page.route('**/ops/api/overview', async (route) => {
      const response = await route.fetch();
      const counts = (await response.json()) as object;
      await route.fulfill({ response, json: { ...counts, ...facts, notes: ['Nothing goes on.'] } });
    });
    await logIn(page);
    await settled(page);
    expect(await page.locator('.matters > li').first().textContent()).toBe('Nothing goes on.');
    await goTo(page, '#limits');
    const partnerCenter = await page.locator('tbody tr').filter({ hasText: 'Partner Center' }).first().textContent();
    expect(partnerCenter).toContain(facts.throttles ? 'refuses calls until 2099-01-01 00:00:00' : 'answers');
  });
});

describe('what stands still', () => {
  it('is told with the sentence where it is pressed, and the button does what the sentence says', async () => {
    const page = await open();
    await logIn(page, '#stuck');
    await settled(page);
    const row = page.locator('tbody tr').filter({ hasText: '900159' });
    expect(await row.textContent()).toContain('restore the reseller relationship in Partner Center');
    expect(await row.textContent()).not.toContain('/v1/customers');
    expect(await row.getByRole('button').textContent()).toBe('Look at all 2 now …');
    await goTo(page, '#overview');
    const card = page.locator('.matter').filter({ hasText: '900159' });
    expect(await card.getByRole('button').textContent()).toBe('Look at all 2 now …');
  });

  it('when many were looked at, is told as it was before, and apart for what others stand still now', async () => {
    const page = await open();
    const answered = { status: 202, json: { queued: 2, left: 0 } };
    await page.route('**/ops/api/dead-letters/*/retry', (route) => route.fulfill(answered));
    const [, other] = night.refused;
    await page.route(/\/ops\/api\/subscriptions\/\d+$/, async (route) => {
      const response = await route.fetch();
      const story = (await response.json()) as { subscriptionId: number; lastError: object };
      const now = story.subscriptionId === other && { code: 'cloudesire.unauthorized' };
      const lastError = { ...story.lastError, ...now, at: '2099-01-01T00:00:00.000Z' };
      await route.fulfill({ response, json: { ...story, lastError } });
    });
    await logIn(page, '#stuck');
    const row = page.locator('tbody tr').filter({ hasText: '900159' });
    await row.getByRole('button', { name: 'Look at all 2' }).click();
    await page.getByLabel('Reason').fill('is it still so?');
    await page.keyboard.press('Enter');
    const said = page
      .getByRole('status')
      .filter({ hasText: ': 1 stands still as before, 1 stands still, now for cloudesire.unauthorized.' });
    await vi.waitFor(
      async () => {
        await page.clock.runFor(2_000);
        expect(await said.isVisible()).toBe(true);
      },
      { timeout: WITHIN_MS },
    );
  });

  it('includes what has failed for an hour though it is still tried again, the longest first', async () => {
    const page = await open();
    await logIn(page, '#stuck');
    await settled(page);
    expect(await page.locator('main').textContent()).not.toContain(String(night.retrying));
    await page.route('**/ops/api/subscriptions?state=retrying', async (route) => {
      const response = await route.fetch();
      const { items } = (await response.json()) as { items: object[] };
      const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
      const told = [2, 72, 0].map((hours) => ({
        ...items[0],
        subscriptionId: 88_000 + hours,
        failingSince: ago(hours),
      }));
      await route.fulfill({ response, json: { items: told, page: 1, total: 3 } });
    });
    await page.clock.runFor(REFRESH_MS);
    await page.getByRole('heading', { name: 'Failing for long' }).waitFor();
    expect(await page.locator('.rows strong').allTextContents()).toEqual(['88072', '88002']);
    expect(await page.locator('.rows .sentence').first().textContent()).toContain('Partner Center');
  });

  it('is told with the name of its product, on its page and in lists', async () => {
    const page = await open();
    const [id] = night.refused;
    const { product } = (await stage.ask(`/subscriptions/${id}`)) as { product: { name: string } };
    expect(product.name).toMatch(/\S/);
    await logIn(page, `#subscriptions/${id}`);
    await settled(page);
    expect(await page.locator('.heading').textContent()).toContain(`${product.name} · licence · provision · for `);
    await goTo(page, '#subscriptions?state=needs-attention');
    expect(await page.locator('.rows').textContent()).toContain(`${product.name} · licence · provision`);
    expect(await page.getByRole('combobox', { name: 'State' }).locator('option:checked').textContent()).toBe(
      'needs you',
    );
  });

  it('is told with the very text that the customer reads', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.failed}`);
    await settled(page);
    const told = page
      .locator('section')
      .filter({ has: page.getByRole('heading', { name: 'What the customer was told' }) });
    expect(await told.textContent()).toContain('Please add your company to your profile in the marketplace.');
  });

  it('is told without a stray dot or quote, whatever is known of it', async () => {
    const page = await open({ viewport: PHONE });
    const [, id] = night.refused;
    await page.route(`**/ops/api/subscriptions/${id}`, async (route) => {
      const response = await route.fetch();
      const why =
        'Run `connector sign-in`, then open https://example.org/a-rather-long-path/to-what-is-said. Look then.';
      const unknown = { product: null, productType: null, operation: null };
      await route.fulfill({ response, json: { ...((await response.json()) as object), ...unknown, why } });
    });
    await logIn(page, `#subscriptions/${id}`);
    await settled(page);
    expect(await page.locator('.heading > .hint').textContent()).toMatch(/^for \d/);
    expect(await page.locator('.why code').first().textContent()).toBe('connector sign-in');
    expect(await page.locator('.why').textContent()).toMatch(
      /^Run connector sign-in, then open .* copy\. Look then\.$/,
    );
    expect(await page.locator('.why > span').allTextContents()).not.toContainEqual(expect.stringMatching(/^\./));
  });

  it('has one age, wherever it is told', async () => {
    const page = await open();
    const [id] = night.refused;
    const long = new Date(Date.now() - 5 * 3_600_000).toISOString();
    await page.route('**/ops/api/subscriptions**', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { items?: object[] };
      const items = answer.items?.map((one) => ({ ...one, failingSince: long }));
      await route.fulfill({ response, json: { ...answer, ...(items ? { items } : { failingSince: long }) } });
    });
    await logIn(page);
    await settled(page);
    expect(await page.locator('.matter').filter({ hasText: '900159' }).locator('.meta').textContent()).toContain(
      'for 5 h',
    );
    await goTo(page, '#subscriptions?state=needs-attention');
    expect(await page.locator('.rows .age').first().textContent()).toBe('5 h ago');
    await goTo(page, `#subscriptions/${id}`);
    expect(await page.locator('.heading').textContent()).toMatch(/· for 5 h, last found so /);
  });

  it('begins with its cure on a phone, with what can be pressed on the first screen, and the call folded', async () => {
    const page = await open({ viewport: { width: 390, height: 844 } });
    const [, id] = night.refused;
    await page.route(`**/ops/api/subscriptions/${id}`, async (route) => {
      const response = await route.fetch();
      const words = 'Operation could not be completed as it results in exceeding approved quota. '.repeat(8);
      const call =
        'Azure refused PUT /subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/x (409, QuotaExceeded, correlation id 11111111-2222-4333-8444-555555555555).';
      const why = `Has needed you since 2026-11-27 08:27 UTC, for provision at step "deploy": ${call} Ask for more quota. Azure says: ${words}Then it goes on by itself, or at once with look.`;
      await route.fulfill({ response, json: { ...((await response.json()) as object), why } });
    });
    await logIn(page, `#subscriptions/${id}`);
    await settled(page);
    expect(await page.locator('.why').textContent()).toBe(
      'Ask for more quota. Then it goes on by itself, or at once with look.',
    );
    await page.getByText('Has needed you since 2026-11-27 08:27 UTC, for provision at step "deploy".').waitFor();
    const button = await page.locator('.actions .primary').boundingBox();
    expect(button!.y + button!.height).toBeLessThan(844);
    expect(await page.getByText('exceeding approved quota').isVisible()).toBe(false);
    await page.getByText('Azure refused a call: 409, QuotaExceeded').click();
    expect(await page.getByText('exceeding approved quota').isVisible()).toBe(true);
  });

  it('lists of its calls those that an upstream has failed, and apart those that were never sent', async () => {
    const page = await open();
    const [, id] = night.refused;
    await page.route(`**/ops/api/subscriptions/${id}`, async (route) => {
      const response = await route.fetch();
      const told = [
        ['partner-center', 'POST', '/carts', undefined, 'partner-center.outage'],
        ['arm', 'PUT', '/roleAssignments', 201, undefined],
        ['partner-center', 'POST', '/checkout', 403, 'partner-center.900159'],
        ['arm', 'PUT', '/roleAssignments', 404, 'arm.SubscriptionNotFound'],
        ['arm', 'GET', '/resourcegroups', 404, 'arm.ResourceGroupNotFound'],
      ] as const;
      const timeline = told.map(([upstream, method, path, status, errorCode], at) => ({
        at: new Date(Date.parse('2026-11-27T08:00:00Z') - at * 1_000).toISOString(),
        kind: 'call',
        text: `${upstream}: ${method} ${path} → ${status ?? errorCode}`,
        correlationId: `c${at}`,
        ...{ upstream, method, status, errorCode },
      }));
      await route.fulfill({ response, json: { ...((await response.json()) as object), timeline } });
    });
    await logIn(page, `#subscriptions/${id}`);
    await settled(page);
    const refused = page
      .locator('section')
      .filter({ has: page.getByRole('heading', { name: 'Calls that failed last' }) });
    expect(await refused.locator('.meta code').allTextContents()).toEqual(['partner-center: POST /checkout → 403']);
    expect(await refused.textContent()).toContain('1 call was not sent, by the connector itself');
    expect(await page.locator('main').innerHTML()).not.toContain('Copy correlation id c0');
  });
});

describe('whoever looks for an order', () => {
  it('gives its number, and reads in large letters why it is stuck and what to do', async () => {
    const page = await open();
    await logIn(page);
    const [id] = night.refused;
    await page.getByRole('searchbox').fill(String(id));
    await page.keyboard.press('Enter');
    const why = page.locator('.why');
    await why.waitFor();
    expect(await page.locator('h1').textContent()).toBe(String(id));
    expect(await why.textContent()).toContain('restore the reseller relationship in Partner Center');
    // Since when is told in smaller letters.
    expect(await why.textContent()).not.toContain('UTC');
    expect(await why.boundingBox()).toMatchObject({ y: expect.toSatisfy((y: number) => y < 300) });
    await page.getByRole('button', { name: 'Look now' }).waitFor();
    // What Microsoft's support asks for.
    expect(await page.locator('main').getByText('Correlation id', { exact: true }).count()).toBeGreaterThan(0);
    await page
      .getByRole('button', { name: /^Copy Correlation id [0-9a-f-]{36}$/ })
      .first()
      .waitFor();
  });

  it('gives its number as it stands in mails and tickets', async () => {
    const page = await open();
    await logIn(page);
    for (const [id, text] of [
      [night.held, `#${night.held}`],
      [night.failed, `order ${night.failed}`],
      [night.retrying, `Subscription no. ${night.retrying}`],
    ] as const) {
      await page.getByRole('searchbox').first().fill(text);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: String(id) }).waitFor();
    }
    // A code of an error is no order.
    await page.getByRole('searchbox').first().fill('error 900159');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Subscriptions' }).waitFor();
  });

  it('past the last page of a list reads that there is no such page, and comes back', async () => {
    const page = await open();
    await logIn(page);
    for (const view of ['audit', 'subscriptions', 'customers']) {
      await goTo(page, `#${view}?page=99`);
      await page.getByText('There is no page 99.').waitFor();
      await page.getByRole('link', { name: 'The first one' }).click();
      await page.getByText('There is no page 99.').waitFor({ state: 'detached' });
      await settled(page);
      expect(await page.locator('main .nothing').count()).toBe(0);
    }
  });

  it('at an address that names nothing reads that it does', async () => {
    const page = await open();
    await logIn(page, '#nonsense');
    await page.getByRole('heading', { name: 'No such page' }).waitFor();
    await goTo(page, '#subscriptions/abc');
    await page.getByRole('heading', { name: 'Not the number of a subscription' }).waitFor();
  });

  it('finds it by a text, filters the list, and comes back to the same place', async () => {
    const page = await open({ viewport: { width: 800, height: 300 } });
    await logIn(page);
    await page.getByRole('searchbox').fill('reseller relationship');
    await page.keyboard.press('Enter');
    await page.getByText('2 subscriptions').waitFor();
    await page.getByRole('combobox', { name: 'State' }).selectOption('done');
    await page.getByText('0 subscriptions').waitFor();
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.getByText(/^\d\d subscriptions/).waitFor();

    // The page hears of it with its next frame, which is none of the clock that stands still.
    const scrolled = 'new Promise((heard) => { addEventListener("scroll", heard, { once: true }); scrollTo(0, 700); })';
    await page.evaluate(`${scrolled}.then(() => undefined)`);
    await page.clock.runFor(500);
    await page.locator('.rows a').last().click();
    await page.locator('.why').waitFor();
    expect(await page.evaluate('scrollY')).toBe(0);
    await page.goBack();
    await page.getByText(/^\d\d subscriptions/).waitFor();
    expect(await page.evaluate('scrollY')).toBe(700);
  });

  it('that the connector has never heard of can have it looked at', async () => {
    const page = await open();
    await logIn(page, '#subscriptions/77777');
    await page.getByText('never heard of').waitFor();
    await page.getByRole('button', { name: 'Look now' }).click();
    await page.getByLabel('Reason').fill('sold, but nothing came');
    await page.locator('#press').getByRole('button', { name: 'Look now' }).click();
    await page.getByRole('status').filter({ hasText: 'taken' }).waitFor();
  });
});

async function pressLook(page: Page, reason: string): Promise<void> {
  await page.getByRole('button', { name: 'Look now' }).click();
  await page.getByLabel('Reason').fill(reason);
  await page.keyboard.press('Enter');
}

/** Waits until something was called for it after it was last pressed, and the look is over. */
async function lookedAfterPress(id: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { timeline, state } = (await stage.ask(`/subscriptions/${id}`)) as {
        timeline: { kind: string }[];
        state: string;
      };
      expect(timeline[0]?.kind).not.toBe('operator');
      expect(state).not.toBe('running');
    },
    { timeout: WITHIN_MS, interval: 100 },
  );
}

describe('whoever presses', () => {
  it('says why, sees it happen, and finds it in the audit trail', async () => {
    const page = await open();
    const [id, other] = night.refused;
    await logIn(page, `#subscriptions/${id}`);
    stage.emulators.partnerCenter.acceptAllAttestations(true);
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.locator('#press').getByRole('button', { name: 'Retry' }).click();
    // Without a reason nothing is sent.
    expect(await page.locator('#press').isVisible()).toBe(true);
    await page.getByLabel('Reason').fill('  ');
    await page.locator('#press').getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('alert').filter({ hasText: 'Say why' }).waitFor();
    await page.getByLabel('Reason').fill('the relationship was restored');
    await page.locator('#press').getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('status').filter({ hasText: 'taken' }).waitFor();
    await stage.untilState(id, 'done');
    await page.clock.runFor(REFRESH_MS);
    await page.locator('.heading .state-done').waitFor();

    await goTo(page, '#audit');
    const line = page.locator('tbody tr').filter({ hasText: 'the relationship was restored' });
    expect(await line.textContent()).toMatch(new RegExp(`${NAME}.*retry.*${id}.*accepted`));

    await goTo(page, '#overview');
    const { code } = (await stage.ask(`/subscriptions/${other}`)).lastError as { code: string };
    await page
      .locator('.matter')
      .filter({ hasText: code })
      .getByRole('link', { name: `Open ${other}` })
      .click();
    await page.locator('.why').waitFor();
    expect(await page.locator('h1').textContent()).toBe(String(other));
  });

  it('reads what the look has found that was asked for', async () => {
    const page = await open();
    const id = night.failed;
    await logIn(page, `#subscriptions/${id}`);
    const said = page
      .getByRole('status')
      .filter({ hasText: /looked at [\d:]{8} UTC: still failed, customer\.company-required/ });
    await pressLook(page, 'is it still so?');
    await page.getByRole('status').filter({ hasText: 'Waiting for the look' }).waitFor();
    await lookedAfterPress(id);
    await page.clock.runFor(5_000);
    await said.waitFor();

    // Of many at once, in numbers.
    await goTo(page, '#stuck');
    const row = page.locator('tbody tr').filter({ hasText: 'customer.company-required' });
    await row.getByRole('button', { name: 'Look now' }).click();
    await page.getByLabel('Reason').fill('and all of them?');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: '1 look asked for' }).waitFor();
    await lookedAfterPress(id);
    await page.clock.runFor(5_000);
    await page
      .getByRole('status')
      .filter({ hasText: `${id}: looked at` })
      .waitFor();
  });

  it('reads that no look has come of it yet', async () => {
    const page = await open();
    await page.route(`**/ops/api/subscriptions/${night.delivered}/look`, (route) =>
      route.fulfill({ status: 202, json: { status: 'queued' } }),
    );
    await page.route(`**/ops/api/subscriptions/${night.delivered}`, async (route) => {
      const response = await route.fetch();
      if (!response.ok()) return route.fulfill({ response });
      const pressed = { at: '2099-01-01T00:00:00.000Z', kind: 'operator', text: 'operations asked for a look' };
      const story = (await response.json()) as { timeline: object[] };
      return route.fulfill({
        response,
        json: { ...story, queuedSince: pressed.at, timeline: [pressed, ...story.timeline] },
      });
    });
    await logIn(page, `#subscriptions/${night.delivered}`);
    await pressLook(page, 'nobody works');
    await vi.waitFor(
      async () => {
        await page.clock.runFor(5_000);
        expect(await page.locator('#said').textContent()).toContain('not looked at yet');
      },
      { timeout: WITHIN_MS },
    );
  });

  it('is asked no longer once the page has gone elsewhere', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.delivered}`);
    await settled(page);
    await goTo(page, `#subscriptions/${night.exposed}`);
    await page.getByRole('button', { name: 'Detach' }).click();
    await page.getByRole('heading', { name: `Detach: ${night.exposed}` }).waitFor();
    await page.goBack();
    await page
      .locator('h1')
      .filter({ hasText: String(night.delivered) })
      .waitFor();
    expect(await page.locator('#press').isVisible()).toBe(false);
  });

  it('is offered first what helps', async () => {
    const page = await open();
    const { cloudesire, partnerCenter } = stage.emulators;
    const [waiting] = night.refused.slice(1);
    const id = cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 5, paid: true });
    await stage.untilState(id, 'done');
    const { fulfillment } = (await stage.ask(`/subscriptions/${id}`)) as { fulfillment: Record<string, string> };
    partnerCenter.cancelByHand(fulfillment.partnerSubscriptionId ?? '');
    await stage.ask(`/subscriptions/${id}/look`, { reason: 'somebody ended it there' });
    await stage.untilState(id, 'needs-attention');

    await logIn(page, `#subscriptions/${id}`);
    await page.getByText('Then press retry.').waitFor();
    expect(await page.locator('.actions .primary').textContent()).toBe('Retry …');
    await goTo(page, `#subscriptions/${waiting}`);
    await page.getByText('Then it goes on by itself, or at once with look.').waitFor();
    expect(await page.locator('.actions .primary').textContent()).toBe('Look now …');
  });

  it('sends the reason with Enter, alone or with Ctrl, and begins a line with Shift', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.exposed}`);
    for (const keys of ['Enter', 'Control+Enter']) {
      await page.getByRole('button', { name: 'Look now' }).click();
      await page.keyboard.press(keys);
      // Without a reason nothing is sent.
      expect(await page.locator('#press').isVisible()).toBe(true);
      await page.keyboard.type('one');
      await page.keyboard.press('Shift+Enter');
      await page.keyboard.type(`two, by ${keys}`);
      await page.keyboard.press(keys);
      await page.locator('#press').waitFor({ state: 'hidden' });
      expect(JSON.stringify(await stage.ask('/audit'))).toContain(String.raw`one\ntwo, by ${keys}"`);
    }
  });

  it('retries all of one reason at once', async () => {
    const page = await open();
    await logIn(page, '#stuck');
    const row = page.locator('tr').filter({ hasText: String(night.refused[1]) });
    await row.getByRole('button', { name: 'Look' }).click();
    await page.getByLabel('Reason').fill('cured for all');
    await page.locator('#press').getByRole('button', { name: 'Look' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /\d looks? asked for/ })
      .waitFor();
    await stage.untilState(night.refused[1], 'done');
    await page.clock.runFor(REFRESH_MS);
    await row.waitFor({ state: 'detached' });
  });

  it('detaches only what is named again', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.unpaid}`);
    await page.getByRole('button', { name: 'Detach' }).click();
    await page.getByLabel('Reason').fill('finished by hand');
    const confirm = page.getByLabel(`Type ${night.unpaid} to confirm`);
    await confirm.fill(String(night.held));
    await page.locator('#press').getByRole('button', { name: 'Detach' }).click();
    expect(await page.locator('#press').isVisible()).toBe(true);
    expect((await stage.ask(`/subscriptions/${night.unpaid}`)).detached).toBeNull();
    await confirm.fill(String(night.unpaid));
    await page.locator('#press').getByRole('button', { name: 'Detach' }).click();
    await page.getByRole('button', { name: 'Attach' }).waitFor();
    expect((await stage.ask(`/subscriptions/${night.unpaid}`)).detached).toMatchObject({ by: NAME });
  });

  it('reads why it was refused', async () => {
    const page = await open();
    await logIn(page, `#subscriptions/${night.retrying}`);
    await page.getByRole('button', { name: 'Hold' }).click();
    await stage.ask(`/subscriptions/${night.retrying}/hold`, { reason: 'somebody was faster' });
    await page.getByLabel('Reason').fill('wait for legal');
    await page.locator('#press').getByRole('button', { name: 'Hold' }).click();
    await page.getByRole('alert').filter({ hasText: 'is held already' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await goTo(page, '#overview');
    const latest = page.locator('section').filter({ has: page.getByRole('heading', { name: 'What people did last' }) });
    expect(await latest.textContent()).toContain(`${NAME} hold ${night.retrying} (refused): wait for legal`);
  });
});

it('can be used with the keyboard alone, and the focus is always to be seen', async () => {
  const page = await open();
  await page.goto(`${stage.url}/ops`);
  await page.keyboard.type(NAME);
  await page.keyboard.press('Tab');
  await page.keyboard.type(stage.token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Needs you now' }).waitFor();
  await expect.poll(() => page.evaluate('document.activeElement.tagName'), { timeout: WITHIN_MS }).toBe('H1');
  await page.keyboard.press('/');
  await page.keyboard.type(String(night.held));
  await page.keyboard.press('Enter');
  await page.locator('.why').waitFor();
  const focused = () => page.evaluate('document.activeElement.textContent') as Promise<string>;
  expect(await focused()).toBe(String(night.held));
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Release …');
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');

  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('press-reason');
  await page.keyboard.press('Escape');
  expect(await focused()).toBe('Release …');
  await page.keyboard.press('Enter');
  await page.keyboard.type('settled');
  for (let tabs = 0; tabs < 2; tabs += 1) await page.keyboard.press('Tab');
  expect(await focused()).toBe('Release');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Hold' }).waitFor();
});

describe('what is shown', () => {
  it('stays while it is renewed: what is unfolded, focused and typed, and where it is scrolled to', async () => {
    const page = await open({ viewport: { width: 900, height: 400 } });
    const id = night.delivered;
    await logIn(page, `#subscriptions/${id}`);
    await settled(page);
    const details = page.locator('.story details').first();
    await details.locator('summary').click();
    await page.evaluate('scrollTo(0, 500)');
    const before = await details.locator('summary').boundingBox();
    await stage.ask(`/subscriptions/${id}/hold`, { reason: 'something new' });
    await stage.untilState(id, 'waiting');
    await page.clock.runFor(REFRESH_MS);
    await page.locator('.heading .state-held').waitFor();
    // What is new stands above.
    expect(await page.locator('.story details[open]').count()).toBe(1);
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
    const after = await page.locator('.story details[open] summary').boundingBox();
    expect(Math.abs(after!.y - before!.y)).toBeLessThan(2);

    await goTo(page, '#subscriptions');
    await page.getByLabel('Text or number').fill('half a wo');
    await page.clock.runFor(REFRESH_MS);
    await settled(page);
    expect(await page.getByLabel('Text or number').inputValue()).toBe('half a wo');
  });

  it('is folded where it repeats itself, and where it is over; what failed among it is told outside', async () => {
    const page = await open();
    await page.route(`**/ops/api/subscriptions/${night.delivered}`, async (route) => {
      const response = await route.fetch();
      const call = {
        kind: 'call',
        text: 'arm: GET /subscriptions/{id} → 200',
        upstream: 'arm',
        status: 200,
        durationMs: 4,
      };
      const failed = { ...call, text: 'arm: GET /subscriptions/{id} → 500', status: 500, errorCode: 'arm.unavailable' };
      const timeline = [
        { kind: 'wait', text: 'waits for the next payment' },
        { kind: 'decision', text: 'license/renew is done' },
        { kind: 'step', text: 'read the renewal' },
        { kind: 'error', text: 'Azure was away.', code: 'arm.unavailable' },
        { kind: 'decision', text: 'license/renew begins' },
        ...Array.from({ length: 40 }, (_, at) => [
          { kind: 'event', text: `event number ${at} came` },
          call,
          failed,
        ]).flat(),
      ];
      const at = (seconds: number) => new Date(Date.parse('2026-09-01T08:00:00Z') - seconds * 1_000).toISOString();
      const told = timeline.map((entry, number) => ({ at: at(number), correlationId: `c${number}`, ...entry }));
      await route.fulfill({ response, json: { ...((await response.json()) as object), timeline: told } });
    });
    await logIn(page, `#subscriptions/${night.delivered}`);
    await settled(page);
    const lines = page.locator('main .story').first().locator('> li');
    expect(await lines.allInnerTexts()).toEqual([
      expect.stringContaining('waits for the next payment'),
      expect.stringMatching(/license\/renew is done\s+1 step, began .* ago, 1 error/),
      expect.stringMatching(/event number 0 came\s+40 times, first .* ago\s+78 calls to Azure, 39 failed/),
      expect.stringMatching(/2 calls to Azure, 1 failed/),
    ]);
    await lines.nth(1).locator('summary').first().click();
    await page.getByText('Azure was away.').waitFor();
  });

  it('is text, whatever it says', async () => {
    const page = await open();
    await page.route('**/ops/api/**', async (route) => {
      const response = await route.fetch();
      const hostile = (value: unknown): unknown => {
        if (typeof value === 'string') return `${value} ${HOSTILE}`;
        if (Array.isArray(value)) return value.map(hostile);
        if (typeof value !== 'object' || value === null) return value;
        // Words that the connector itself has chosen from a list, and asks for again.
        const keep = (name: string) => ['state', 'agreement', 'outcome'].includes(name);
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, keep(name) ? one : hostile(one)]));
      };
      await route.fulfill({ response, json: response.ok() ? hostile(await response.json()) : await response.json() });
    });
    await logIn(page);
    for (const place of views()) {
      await goTo(page, place);
      expect(await page.evaluate('document.querySelectorAll("main img, main script, main iframe").length')).toBe(0);
      expect(await page.title()).toContain('– Microsoft connector');
      if (!place.includes('77777')) expect(await page.locator('main').textContent(), place).toContain('<img src=x');
    }
  });

  it('says so when the connector is away, keeps what was read, and goes on when it is back', async () => {
    const page = await open();
    await logIn(page, '#exposures');
    await settled(page);
    await stage.stopService();
    try {
      await page.clock.runFor(REFRESH_MS);
      await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
      expect(await page.locator('main').textContent()).toContain(String(night.exposed));
    } finally {
      await stage.startService();
    }
    await page.clock.runFor(REFRESH_MS);
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor({ state: 'hidden' });
  });
});

describe.each([
  ['a folded phone', FOLDED],
  ['a phone', PHONE],
  ['a tablet', TABLET],
  ['a desktop', DESKTOP],
] as const)('every view on %s', (_, viewport) => {
  it.each(['light', 'dark'] as const)(
    'can be read in %s, heard, and needs no scrolling to the side',
    async (scheme) => {
      const page = await open({ viewport, colorScheme: scheme });
      await page.goto(`${stage.url}/ops`);
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      expect(await page.evaluate(FAINT_TEXTS)).toEqual([]);
      await logIn(page);
      for (const place of views()) {
        await goTo(page, place);
        await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
        expect(await page.evaluate(STICKS_OUT), place).toBe(0);
        expect(await page.evaluate(FAINT_TEXTS), place).toEqual([]);
        expect(await page.evaluate(NAMELESS), place).toEqual([]);
        expect(await page.locator('h1').count(), place).toBe(1);
      }
      await goTo(page, `#subscriptions/${night.exposed}`);
      await page.getByRole('button', { name: 'Detach' }).click();
      expect(await page.evaluate(FAINT_TEXTS)).toEqual([]);
      expect(await page.evaluate(STICKS_OUT)).toBe(0);
    },
  );
});
