import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { firesIn, readRules, type Scrape, scrape } from '../support/prometheus.ts';
import { openStage, SCENARIOS, type Stage } from './scenarios.ts';

const RULES = readRules();

let emulators: Emulators;
let calm: Scrape;
let stage: Stage;

beforeAll(async () => {
  emulators = await startEmulators();
  const healthy = openStage(emulators);
  const service = await healthy.start({ PUBLIC_URL: 'https://connector.example.com' }, await healthy.startRedis());
  emulators.partnerCenter.acceptAllAttestations(true);
  const id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
  await emulators.cloudesire.whenStatus(id, 'DEPLOYED', 60_000);
  calm = await scrape(service.url);
  await healthy.end();
}, 120_000);

afterEach(() => stage.end());
afterAll(() => emulators.close());

it.each(RULES)(
  '$alert fires in the trouble that it is for, and not while all is well',
  async (rule) => {
    stage = openStage(emulators);
    const scenario = SCENARIOS[rule.alert];
    if (!scenario) throw new Error(`There is no scenario for ${rule.alert}.`);
    const trouble = await scenario.make(stage);
    expect(await firesIn(rule, { ...scenario.labels, ...rule.labels }, { calm, trouble })).toEqual({
      inCalm: false,
      inTrouble: true,
    });
  },
  120_000,
);
