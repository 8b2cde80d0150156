// The demo of the README: a private Redis, the emulators and the connector. Licences, a template and machines in Azure are bought, delivered,
// used, changed and ended; then the books are read and held against what was promised. Exit code 0 only when all of it held.
// With --keep everything stays up afterwards, for looking around.
import { createAzureStory } from './demo/azure.ts';
import { writeEnvironment } from './demo/environment.ts';
import { createLicenceStory } from './demo/licences.ts';
import { endAtSignals } from './demo/signals.ts';
import { DAY_MS, type Stage, setStage } from './demo/stage.ts';

const MISTAKEN_PLAN = 2190;
const KEEP = process.argv.includes('--keep');

let stage: Stage;
try {
  stage = await setStage();
} catch (error) {
  process.stderr.write(`The demo cannot begin: ${messageOf(error)}\n`);
  process.exit(1);
}

const { say, chapter, promise } = stage;
const licences = createLicenceStory(stage);
const azure = createAzureStory(stage);

// Whoever ends the demo before its time ends what it started, too.
process.exitCode = 1;
endAtSignals(leave);
if (await play()) process.exitCode = 0;
if (process.exitCode === 0 && KEEP) introduce(await leaveOneStuck());
else await leave();

/** Returns whether everything was as promised. */
async function play(): Promise<boolean> {
  try {
    say('', `The connector listens at ${stage.service.url}; marketplace and Microsoft are emulated beside it.`);
    await licences.sellTwo();
    await licences.liveThrough();
    await azure.buy();
    await azure.use();
    await azure.leave();
    await stage.finish();
    licences.summarize();
    azure.summarize();
    countPurchases();
  } catch (error) {
    await stage.finish();
    say('', `The demo did not come to its end: ${messageOf(error)}`);
    process.stderr.write(stage.service.output().split('\n').slice(-20).join('\n'));
    return false;
  }
  const broken = stage.broken();
  if (broken.length === 0) {
    say('', `Everything was as promised, in ${stage.seconds()} s.`);
    return true;
  }
  say('', `Not as promised: ${broken.join('; ')}.`);
  return false;
}

/** What was bought at Microsoft in all: whatever a customer orders, they are a customer once, and have one Azure plan. */
function countPurchases(): void {
  const { customers, orders } = stage.emulators.partnerCenter.books();
  const companies = new Set([...licences.companies, ...azure.companies]);
  const wanted = licences.count() + azure.companies.size;
  chapter('in all');
  promise(
    `one customer at Microsoft for each of ${companies.size} companies: ${customers.length}`,
    customers.length === companies.size,
  );
  promise(
    `one order at Microsoft for each of ${licences.count()} licences and ${azure.companies.size} Azure plans, and no other: ${orders.length}`,
    orders.length === wanted,
  );
}

/** Something for the console to explain: an order whose plan names an offer that Microsoft does not sell. Returns its subscription. */
async function leaveOneStuck(): Promise<number> {
  const { cloudesire } = stage.emulators;
  cloudesire.putPlan(MISTAKEN_PLAN, { name: 'Business Basic, mistaken' }, 2101);
  cloudesire.putPlanMetadata(MISTAKEN_PLAN, { offerId: 'CFQ7TTC0ZZZZ:0001' });
  const id = cloudesire.placeOrder({ plan: MISTAKEN_PLAN, buyer: 1301, licenses: 5, paid: true });
  await stage.until(`${id} needs-attention`, async () => (await stage.read(id))?.state === 'needs-attention');
  return id;
}

/** @param stuck the subscription that was left stuck on purpose */
function introduce(stuck: number): void {
  const { emulators, service, environment, redis, opsToken, endpointSecret } = stage;
  const { cloudesire, partnerCenter, entra, arm, templates, caFile, clock } = emulators;
  const [subscription] = cloudesire.subscriptions();
  const { path, remove } = writeEnvironment(environment);
  process.once('exit', remove);
  const daysAhead = Math.round((clock.now() - Date.now()) / DAY_MS);
  process.stdout.write('\n— Everything keeps running; Ctrl-C ends it\n');
  process.stdout.write(
    [
      `connector      ${service.url}   (operations: Authorization: Bearer ${opsToken})`,
      `console        ${service.url}/ops   in a browser: any name of yours, and the same token`,
      `marketplace    ${cloudesire.url}`,
      `Partner Center ${partnerCenter.url}`,
      `Entra ID       ${entra.url}   (certificate authority: ${caFile})`,
      `Azure          ${arm.url}`,
      `templates      ${templates.url}   ${templates.paths().join('   ')}`,
      `Redis          ${redis.url}`,
      '',
      `One order is left stuck on purpose: ${service.url}/ops#subscriptions/${stuck} says why. Once you have read it, this cures its plan;`,
      'press Look now there afterwards:',
      '',
      `  curl -d '{"plan":${MISTAKEN_PLAN},"values":{"offerId":"CFQ7TTC0XA11:0001"}}' ${commandOf(cloudesire.url, 'putPlanMetadata')}`,
      '',
      'The same at a terminal, in the folder of the project:',
      '',
      `  set -a; . ${path}; set +a; npm run -s connector -- list --all`,
      `  npm run -s connector -- show ${stuck}`,
      '  npm run -s connector -- doctor',
      '',
      'Calls:',
      '',
      `  curl -H 'Authorization: Bearer ${opsToken}' ${service.url}/ops/api/subscriptions/${subscription?.id}`,
      `  curl -d '{"plan":2101,"buyer":1301,"licenses":5,"paid":true}' ${commandOf(cloudesire.url, 'placeOrder')}`,
      `  curl -d '{"plan":2201,"buyer":1301,"parameters":{"DNS_PREFIX":"officine-files"},"paid":true}' ${commandOf(cloudesire.url, 'placeOrder')}`,
      `  curl -d '{"ms":300000}' ${commandOf(cloudesire.url, 'advance')}        five minutes pass, as deployments take`,
      `  curl --cacert ${caFile} -X POST ${commandOf(arm.url, 'resources')}`,
      `  curl -H 'CD-Subscription-Id: ${subscription?.id}' ${service.url}/usage/${endpointSecret}/seats`,
      '',
      `(The world of the demo is ${daysAhead} days ahead, since months had to pass in a minute; the connector tells the time by the clock of this machine.`,
      'So the doctor says that the clock has failed, rightly, and what is still charged is listed by the date of today, not by the emulated one.)',
      '',
    ].join('\n'),
  );
}

function commandOf(url: string, command: string): string {
  return new URL(`/_emulator/${command}`, url).href;
}

async function leave(): Promise<void> {
  await stage.end();
  process.exit();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
