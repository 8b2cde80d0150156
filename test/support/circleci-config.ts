import { parse } from 'yaml';
import { z } from 'zod';

/*
 * What a `.circleci/config.yml` of version 2.1 may say, as far as ours says it: a key that stands here nowhere is refused, so whoever needs
 * another one looks it up and adds it. https://circleci.com/docs/reference/configuration-reference/
 */

const Name = z.string().regex(/^[a-z][\w-]*$/);
const Text = z.string().min(1);
const Environment = z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/), z.union([z.string(), z.number(), z.boolean()]));

const Run = z.strictObject({
  name: Text.optional(),
  command: Text,
  environment: Environment.optional(),
  working_directory: Text.optional(),
  no_output_timeout: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  when: z.enum(['always', 'on_success', 'on_fail']).optional(),
});

/** Steps that CircleCI knows; a step of any other name has to be a command of the file. */
const BUILT_IN = {
  run: z.preprocess((given) => (typeof given === 'string' ? { command: given } : given), Run),
  checkout: z.strictObject({ path: Text.optional() }),
  restore_cache: z.strictObject({ keys: z.array(Text).min(1), name: Text.optional() }),
  save_cache: z.strictObject({ key: Text, paths: z.array(Text).min(1), name: Text.optional() }),
  store_test_results: z.strictObject({ path: Text }),
  store_artifacts: z.strictObject({ path: Text, destination: Text.optional() }),
  persist_to_workspace: z.strictObject({ root: Text, paths: z.array(Text).min(1) }),
  attach_workspace: z.strictObject({ at: Text }),
};

/** A step of CircleCI's or a command of the file, with what is given to it. A `run` that is only a text stands there as its `command`. */
export type Step = { name: string; given: unknown };

const Step = z.union([Name, z.record(Name, z.unknown())]).transform((step, context): Step => {
  const [[name, given] = ['', undefined], ...rest] =
    typeof step === 'string' ? [[step, {}] as const] : Object.entries(step);
  if (rest.length > 0) context.addIssue(`one step, not ${Object.keys(step).join(' and ')}`);
  const schema = (BUILT_IN as Record<string, z.ZodType>)[name];
  const read = schema?.safeParse(given);
  for (const issue of read?.error?.issues ?? []) context.addIssue({ ...issue });
  return { name, given: read ? read.data : given };
});

const Parameter = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), default: z.string().optional(), description: Text.optional() }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean().optional(), description: Text.optional() }),
  z.strictObject({
    type: z.literal('enum'),
    enum: z.array(Text).min(1),
    default: Text.optional(),
    description: Text.optional(),
  }),
]);

const Docker = z
  .array(z.strictObject({ image: Text, environment: Environment.optional(), command: Text.optional() }))
  .min(1);
const Machine = z.strictObject({ image: Text, docker_layer_caching: z.boolean().optional() });
const ResourceClass = z.enum(['small', 'medium', 'medium+', 'large', 'xlarge']);

const Executor = z
  .strictObject({ docker: Docker.optional(), machine: Machine.optional(), resource_class: ResourceClass })
  .refine(({ docker, machine }) => (docker === undefined) !== (machine === undefined), 'either docker or machine');

const Job = z.strictObject({
  executor: Name,
  parameters: z.record(Name, Parameter).optional(),
  environment: Environment.optional(),
  steps: z.array(Step).min(1),
});

const Command = z.strictObject({ description: Text, steps: z.array(Step).min(1) });

const Approval = z.strictObject({
  type: z.literal('approval'),
  requires: z.array(Name).min(1),
  filters: Text.optional(),
});
const Use = z.looseObject({
  name: Text.optional(),
  type: z.never().optional(),
  requires: z.array(Name).min(1).optional(),
  context: z.array(Text).min(1).optional(),
  filters: Text.optional(),
  'serial-group': Text.optional(),
  matrix: z.strictObject({ parameters: z.record(Name, z.array(Text).min(1)) }).optional(),
});
const WorkflowJob = z.union([Name, z.record(Name, z.union([Approval, Use]))]).transform((one, context) => {
  const [[job, use] = ['', {}], ...rest] = typeof one === 'string' ? [[one, {}] as const] : Object.entries(one);
  if (rest.length > 0) context.addIssue(`one job, not ${Object.keys(one).join(' and ')}`);
  return { job, use: use as z.output<typeof Use> | z.output<typeof Approval> };
});
const Workflow = z.strictObject({ when: Text.optional(), jobs: z.array(WorkflowJob).min(1) });

const Config = z
  .strictObject({
    version: z.literal(2.1),
    executors: z.record(Name, Executor),
    commands: z.record(Name, Command),
    jobs: z.record(Name, Job),
    workflows: z.record(Name, Workflow),
  })
  .superRefine((config, context) => {
    const complain = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', message, path });
    for (const [kind, holders] of Object.entries({ jobs: config.jobs, commands: config.commands })) {
      for (const [holder, { steps }] of Object.entries(holders)) {
        for (const { name } of steps) {
          if (!(name in BUILT_IN) && !(name in config.commands)) complain(`no step is named ${name}`, kind, holder);
        }
      }
    }
    for (const [name, { executor }] of Object.entries(config.jobs)) {
      if (!(executor in config.executors)) complain(`no executor is named ${executor}`, 'jobs', name);
    }
    for (const [workflow, { jobs }] of Object.entries(config.workflows)) {
      const names = jobs.map(({ job, use }) => ('name' in use && use.name) || job);
      for (const { job, use } of jobs) {
        for (const needed of use.requires ?? []) {
          if (!names.includes(needed)) complain(`${job} requires ${needed}, which is not there`, 'workflows', workflow);
        }
        if (use.type === 'approval') continue;
        const given = new Set([...parametersGiven(use), ...Object.keys(use.matrix?.parameters ?? {})]);
        const declared = config.jobs[job]?.parameters ?? {};
        if (!(job in config.jobs)) complain(`no job is named ${job}`, 'workflows', workflow);
        for (const one of given) if (!(one in declared)) complain(`${job} has no ${one}`, 'workflows', workflow);
        for (const [one, parameter] of Object.entries(declared)) {
          if (parameter.default === undefined && !given.has(one))
            complain(`${job} needs ${one}`, 'workflows', workflow);
          if (parameter.type !== 'enum') continue;
          for (const value of use.matrix?.parameters[one] ?? (one in use ? [String(use[one])] : [])) {
            if (!parameter.enum.includes(value)) complain(`${one} cannot be ${value}`, 'workflows', workflow);
          }
        }
      }
    }
  });
export type CircleciConfig = z.output<typeof Config>;

/** Reads a configuration of CircleCI; throws with every key, name or value that the format does not know. */
export function readCircleciConfig(text: string): CircleciConfig {
  const result = Config.safeParse(parse(text));
  if (!result.success) throw new Error(z.prettifyError(result.error));
  return result.data;
}

function parametersGiven(use: Record<string, unknown>): string[] {
  return Object.keys(use).filter((key) => !(key in Use.shape));
}
