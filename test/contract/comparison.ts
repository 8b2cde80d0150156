import type { Config } from '../../src/config.ts';
import { ConnectorError } from '../../src/lib/errors.ts';
import { patternOf } from '../../src/lib/route-pattern.ts';
import { addressesOf, openClients } from './clients.ts';
import { type Known, knownFrom, LACKS, QUESTIONS, type Question } from './questions.ts';
import { type Exchange, recordAnswers } from './recorder.ts';
import { compareShapes, type Difference, nameOf, type ShapeOptions, type Steps } from './shapes.ts';

/** What the service learns from an answer, or the code of the error that it makes of it. */
export type Outcome = { value: unknown } | { code: string };

/** A question that was asked, and what was known before. */
export interface Asked {
  outcome: Outcome;
  exchanges: Exchange[];
  known: Readonly<Known>;
}

/** An answer, or what was missing for asking. */
type Answer = Asked | { missing: keyof Known };

/** All that one side has answered, by the name of the question. */
export interface Side {
  answers: Map<string, Answer>;
  known: Known;
}

/**
 * `breaks`: the service cannot use the real answer. `claimed`: the service reads something that the emulator has, and the real answer has
 * not, or otherwise. `more`: the two differ in what the service does not read. Names fields, types, codes and statuses, never a value.
 */
export interface Finding {
  kind: 'breaks' | 'claimed' | 'more';
  /** Upstream, method and path, with `{id}` for all that names something. */
  route: string;
  says: string;
}

export interface Row {
  question: string;
  /** Statuses of the answers; empty when it was not asked. */
  emulator: string;
  real: string;
  /** Whether the two are alike, or why they could not be compared. */
  verdict: string;
}

export interface Comparison {
  rows: Row[];
  findings: Finding[];
}

/** The answers of one route of the emulator, among all that came of a question. */
export interface Answers {
  question: Question;
  asked: Asked;
  isMeant(exchange: Exchange): boolean;
}

/** Whether the service reads what stands at a place of these answers. */
export type IsRead = (answers: Answers, steps: Steps) => Promise<boolean>;

/** Names under which maps stand whose keys people choose. */
const MAPS = ['tags', 'outputs', 'parameters'];
const METADATA = /\/metadata$/;
/** Whose names are read in any case. */
const ANY_CASE = ['partner-center'];

/** The headers that the service reads. What comes only now and then, such as `retry-after`, proves nothing by its absence. */
const HEADERS =
  /^(date|etag|location|azure-asyncoperation|www-authenticate|ms-correlationid|cmw-(request-id|totalitems|pagesize)|x-ms-(correlation-)?request-id|x-ms-ratelimit-remaining-(subscription|tenant)-(reads|writes|deletes)|ismfacompliant)$/;

const ID = '{id}';
/** Of a refusal the code may be the upstream's own. */
const CODE = /^[\w.-]{1,80}$/;

/** Asks the upstreams that a configuration names everything that the service reads, by clients that cannot write. */
export async function askAll(config: Config): Promise<Side> {
  const recorder = recordAnswers(addressesOf(config));
  const clients = openClients(config);
  const known = knownFrom(config);
  const answers: Side['answers'] = new Map();
  try {
    for (const question of QUESTIONS) {
      const missing = question.needs?.find((name) => known[name] === undefined);
      if (missing !== undefined) {
        answers.set(question.name, { missing });
        continue;
      }
      const before = { ...known };
      const outcome = await outcomeOf(() => question.ask(clients, known));
      answers.set(question.name, { outcome, exchanges: recorder.take(), known: before });
    }
  } finally {
    recorder.stop();
  }
  return { answers, known };
}

/** What came of asking. */
export async function outcomeOf(ask: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await ask() };
  } catch (error) {
    // The texts of errors may quote the upstream.
    if (error instanceof ConnectorError) return { code: CODE.test(error.code) ? error.code : 'unreadable' };
    return { code: error instanceof Error ? error.name : 'unknown' };
  }
}

/** Compares what the emulators have answered with what the real upstreams have. */
export async function compareSides(emulator: Side, real: Side, isRead: IsRead): Promise<Comparison> {
  const routes = routesOf(emulator);
  // The words in the paths of the emulators are those of the APIs.
  const words = new Set([...routes].flatMap((route) => route.slice(route.indexOf('/')).split('/')));
  const naming = { routes, ours: createNaming(emulator), theirs: createNaming(real, (segment) => words.has(segment)) };
  const rows: Row[] = [];
  const findings: Finding[] = [];
  for (const question of QUESTIONS) {
    const [ours, theirs] = [emulator, real].map(({ answers }) => answers.get(question.name));
    if (!ours || !theirs) continue;
    const { verdict, found } = await compareAnswers(question, ours, theirs, naming, isRead);
    rows.push({ question: question.name, emulator: statusesOf(ours), real: statusesOf(theirs), verdict });
    findings.push(...found.filter((one) => !findings.some((other) => isSame(one, other))));
  }
  return { rows, findings };
}

/** How the routes of either side are named, and which there are in all of the emulators' answers. */
interface Naming {
  routes: ReadonlySet<string>;
  ours(exchange: Exchange): string;
  theirs(exchange: Exchange): string;
}

async function compareAnswers(
  question: Question,
  ours: Answer,
  theirs: Answer,
  naming: Naming,
  isRead: IsRead,
): Promise<{ verdict: string; found: Finding[] }> {
  if ('missing' in theirs) return { verdict: `not asked: ${LACKS[theirs.missing]}`, found: [] };
  if ('missing' in ours) return { verdict: `not compared, the emulator has ${LACKS[ours.missing]}`, found: [] };
  const found: Finding[] = [];
  const refused = compareOutcomes(question, ours, theirs);
  if (refused && 'excuse' in refused) return { verdict: refused.excuse, found };
  const last = theirs.exchanges.at(-1);
  if (refused) found.push({ ...refused, route: last ? naming.theirs(last) : question.name });

  const unseen: string[] = [];
  const [our, their] = [Map.groupBy(ours.exchanges, naming.ours), Map.groupBy(theirs.exchanges, naming.theirs)];
  for (const [route, exchanges] of their) {
    // What was asked another time was compared then.
    if (!our.has(route) && naming.routes.has(route)) continue;
    const isMeant = (exchange: Exchange) => naming.ours(exchange) === route;
    const places = { question, asked: ours, isMeant };
    const differences = await compareRoute(our.get(route) ?? [], exchanges, (steps) => isRead(places, steps));
    found.push(...differences.findings.map((one) => ({ ...one, route })));
    unseen.push(...differences.unseen);
  }
  const failing = found.filter(({ kind }) => kind !== 'more').length;
  if (failing > 0) return { verdict: `${failing} ${failing === 1 ? 'finding' : 'findings'}`, found };
  if (unseen.length === 0) return { verdict: found.length > 0 ? 'alike in what is read' : 'alike', found };
  return {
    verdict: `alike, but for ${unseen.length} ${unseen.length === 1 ? 'place' : 'places'} with nothing there`,
    found,
  };
}

function isSame(one: Finding, other: Finding): boolean {
  return one.kind === other.kind && one.route === other.route && one.says === other.says;
}

function compareOutcomes(
  { excuses = [] }: Question,
  { outcome: ours }: Asked,
  { outcome: theirs, exchanges }: Asked,
): Pick<Finding, 'kind' | 'says'> | { excuse: string } | undefined {
  if ('code' in theirs) {
    if (excuses.includes(theirs.code)) return { excuse: `not compared: ${theirs.code}` };
    if ('code' in ours && ours.code === theirs.code) return { excuse: `both refuse: ${theirs.code}` };
    const last = exchanges.at(-1);
    return { kind: 'breaks', says: `${theirs.code} (${last ? `answered with ${told([last])}` : 'not answered'})` };
  }
  if ('code' in ours) return { kind: 'claimed', says: `${ours.code} of the emulator only` };
  return undefined;
}

async function compareRoute(
  ours: Exchange[],
  theirs: Exchange[],
  isReadAt: (steps: Steps) => Promise<boolean>,
): Promise<{ findings: Pick<Finding, 'kind' | 'says'>[]; unseen: string[] }> {
  if (ours.length === 0) return { findings: [{ kind: 'more', says: 'is asked there only' }], unseen: [] };
  const [our, their] = [likeAny(ours, theirs), likeAny(theirs, ours)];
  if (our.length === 0) {
    const says = `${told(ours)} in the emulator, ${told(theirs)} there: what they say was not compared`;
    return { findings: [{ kind: 'more', says }], unseen: [] };
  }
  const findings: Pick<Finding, 'kind' | 'says'>[] = [];
  if (told(our) !== told(their))
    findings.push({ kind: 'more', says: `${told(our)} in the emulator, ${told(their)} there` });

  const [first] = our as [Exchange];
  const options: ShapeOptions = {
    maps: [...MAPS, ...(METADATA.test(first.path) ? [''] : [])],
    anyCase: ANY_CASE.includes(first.upstream),
  };
  const differences = compareShapes(
    our.map((exchange) => exchange.body()),
    their.map((exchange) => exchange.body()),
    options,
  );
  const unseen: string[] = [];
  for (const difference of differences) {
    if (difference.kind === 'unseen') unseen.push(difference.place);
    else {
      const isDoubtful = difference.kind === 'absent' || difference.kind === 'type';
      const isNeeded = isDoubtful && (await isReadAt(difference.steps));
      findings.push({ kind: isNeeded ? 'claimed' : 'more', says: sayOf(difference) });
    }
  }
  findings.push(...compareHeaders(our, their));
  return { findings, unseen };
}

/** Those with a status like one of the others': two refusals with different ones have nothing in common. */
function likeAny(some: Exchange[], others: Exchange[]): Exchange[] {
  const kindOf = ({ status }: Exchange) => (status < 300 ? 'success' : status);
  return some.filter((one) => others.some((other) => kindOf(one) === kindOf(other)));
}

function compareHeaders(our: Exchange[], their: Exchange[]): Pick<Finding, 'kind' | 'says'>[] {
  const namesIn = ({ headers }: Exchange) => Object.keys(headers).filter((name) => HEADERS.test(name));
  const always = namesIn(our[0] as Exchange).filter((name) => our.every(({ headers }) => name in headers));
  const [ours, theirs] = [our, their].map((exchanges) => new Set(exchanges.flatMap(namesIn))) as [
    Set<string>,
    Set<string>,
  ];
  return [
    ...always
      .filter((name) => !theirs.has(name))
      .map((name) => ({ kind: 'claimed' as const, says: `the emulator sends the header ${name}, which is not there` })),
    ...[...theirs]
      .filter((name) => !ours.has(name))
      .map((name) => ({ kind: 'more' as const, says: `the header ${name} is there, and not in the emulator` })),
  ];
}

function sayOf({ kind, place, steps, ours, theirs }: Difference): string {
  const what = place || 'the body as a whole';
  switch (kind) {
    case 'absent':
      return `${what} (${ours.join(', ')}) is in the emulator, and not there`;
    case 'type':
      return `${what} is ${ours.join(', ')} in the emulator, ${theirs.join(', ')} there`;
    case 'spelling':
      return `${nameOf(steps)} is written so there, in the emulator in another case`;
    default:
      return ours.length > 0
        ? `${what} is ${theirs.join(', ')} there, in the emulator ${ours.join(', ')} only`
        : `${what} (${theirs.join(', ')}) is there, and not in the emulator`;
  }
}

/** Names the route of an exchange of one side. Words that `isWord` does not know are masked, since they may name somebody. */
function createNaming({ known }: Side, isWord: (segment: string) => boolean = () => true) {
  const identifiers = identifiersIn(known);
  return ({ upstream, method, resource }: Exchange): string => {
    const masked = resource
      .split('/')
      .map((segment) => (identifiers.has(decode(segment).toLowerCase()) ? ID : segment));
    const segments = patternOf(masked.join('/')).split('/');
    return `${upstream} ${method} ${segments.map((segment) => (isWord(segment) ? segment : ID)).join('/')}`;
  };
}

function routesOf(side: Side): Set<string> {
  const exchanges = [...side.answers.values()].flatMap((answer) => ('exchanges' in answer ? answer.exchanges : []));
  return new Set(exchanges.map(createNaming(side)));
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function identifiersIn(known: Known): Set<string> {
  const texts: string[] = [];
  JSON.stringify(known, (_name, value: unknown) => {
    if (typeof value === 'string' || typeof value === 'number') texts.push(String(value).toLowerCase());
    return value;
  });
  return new Set(texts);
}

function told(exchanges: Exchange[]): string {
  return [...new Set(exchanges.map((one) => `${one.status} ${mediaTypeOf(one)}`.trim()))].sort().join(', ');
}

function mediaTypeOf({ headers }: Exchange): string {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  return /^[a-z]+\/[a-z0-9.+-]+$/i.test(type.trim()) ? type.trim().toLowerCase() : '';
}

function statusesOf(answer: Answer): string {
  if ('missing' in answer) return '';
  return [...new Set(answer.exchanges.map(({ status }) => status))].join(' ') || 'none';
}
