import type { DeploymentScope } from './types.ts';

/** Where in a template an expression stands, which decides what functions it may call. */
export type Place = 'parameter' | 'variable' | 'resource' | 'body' | 'output' | 'function';

/** A turn of a copy loop. Only the loop of a resource or an output may be meant without its name. */
export interface Turn {
  loop: string;
  index: number;
  unnamed: boolean;
}

/** What `reference()` finds: the id to read, and the way there. */
export interface ReferenceTarget {
  id: string;
  name: string;
  type: string;
  apiVersion: string;
}

/** Resources that expressions refer to. */
export interface Resources {
  /** The resources of the template with that id, name, symbolic name or loop name; undefined when it has none such. */
  find(target: string): ReferenceTarget[] | undefined;
  /** Called for each resource of the template that an expression refers to, such that it has to come first. */
  note(target: ReferenceTarget): void;
  /** Id of the resource whose expressions are evaluated, if any. */
  self: string | undefined;
  /**
   * The run-time state of a resource as a GET answers it.
   *
   * @throws {Deferred} while there is none, during validation
   * @throws {RuntimeError} when the resource does not exist
   */
  read(id: string): Record<string, unknown>;
}

/** A function that the template defines itself. */
export interface UserFunction {
  parameters: string[];
  /** @throws {ExpressionError} when its expression fails */
  call(args: unknown[]): unknown;
}

/** Everything an expression may look at. */
export interface Environment {
  place: Place;
  scope: DeploymentScope;
  template: unknown;
  parameter(name: string): unknown;
  variable(name: string): unknown;
  userFunction(name: string): UserFunction | undefined;
  newGuid(): string;
  turns: readonly Turn[];
  locals: ReadonlyMap<string, unknown>;
  resources: Resources | undefined;
}

/** A lambda as a value: what `lambda('x', …)` hands to `map` and its like. */
export class Lambda {
  readonly invoke: (...args: unknown[]) => unknown;

  constructor(invoke: (...args: unknown[]) => unknown) {
    this.invoke = invoke;
  }
}
