import { describe, expect, it } from 'vitest';
import { evaluateTemplate } from './evaluate.ts';
import type { Json } from './json.ts';
import { accept, bodyOf, disk, diskId, GROUP, outputsOf, refuse, SCOPE, templateOf } from './probe.ts';
import type { TemplateResource } from './types.ts';

function nested(template: Json, more: Json = {}, properties: Json = {}): Json {
  return {
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name: 'inner',
    ...more,
    properties: { mode: 'Incremental', template, ...properties },
  };
}

const INNER = { expressionEvaluationOptions: { scope: 'inner' } };

function diskNames(resource: TemplateResource, read: (id: string) => Json | undefined = () => undefined): string[] {
  const result = resource.resolveNested?.(read);
  if (!result?.ok) throw new Error(JSON.stringify(result));
  const evaluation = evaluateTemplate(result.nested);
  if (!evaluation.ok) throw new Error(evaluation.error.message);
  return evaluation.resources.map(({ name }) => name);
}

describe('nested deployments', () => {
  it('of scope inner see their own parameters, which the outer template evaluates', () => {
    const template = templateOf({
      parameters: { label: { type: 'string' } },
      resources: [disk("[parameters('label')]")],
    });
    const parameters = { label: { value: "[concat(parameters('label'), '-inner')]" } };
    const sections = {
      parameters: { label: { type: 'string', defaultValue: 'outer' } },
      resources: [nested(template, {}, { ...INNER, parameters })],
    };
    const [resource] = accept(sections).resources;
    expect(resource!.nested).toEqual({
      template,
      parameters: { label: { value: 'outer-inner' } },
      scope: { ...SCOPE, deploymentName: 'inner' },
    });
    expect(diskNames(resource!)).toEqual(['outer-inner']);
  });

  it('of scope outer see the parameters of the outer template, and what comes out is text to them', () => {
    const template = templateOf({
      resources: [disk("[parameters('label')]", { tags: { text: "[parameters('text')]" } })],
    });
    const sections = {
      parameters: {
        label: { type: 'string', defaultValue: 'outer' },
        text: { type: 'string', defaultValue: '[[x()]' },
      },
      resources: [nested(template)],
    };
    const [resource] = accept(sections).resources;
    const evaluation = evaluateTemplate(resource!.nested!);
    if (!evaluation.ok) throw new Error(evaluation.error.message);
    expect(evaluation.resources[0]!.name).toBe('outer');
    expect(bodyOf(evaluation.resources[0]!).tags).toEqual({ text: '[x()]' });
  });

  it('may go to another resource group, where their resources are', () => {
    const template = templateOf({ resources: [disk('d')] });
    const [resource] = accept({ resources: [nested(template, { resourceGroup: 'shared' }, INNER)] }).resources;
    const group = GROUP.replace('mp-ord-000417', 'shared');
    expect(resource!.id).toBe(`${group}/providers/Microsoft.Resources/deployments/inner`);
    expect(resource!.nested!.scope.resourceGroup.name).toBe('shared');
    const evaluation = evaluateTemplate(resource!.nested!);
    expect(evaluation.ok && evaluation.resources[0]!.id).toBe(`${group}/providers/Microsoft.Compute/disks/d`);
  });

  it('wait for what their parameters refer to, and get it when their turn comes', () => {
    const template = templateOf({
      parameters: { label: { type: 'string' }, size: { type: 'int' } },
      resources: [disk("[parameters('label')]")],
    });
    const parameters = {
      label: { value: "[reference('first').label]" },
      size: { value: "[reference('first').size]" },
    };
    const { resources } = accept({ resources: [nested(template, {}, { ...INNER, parameters }), disk('first')] });
    expect(resources.map(({ name }) => name)).toEqual(['first', 'inner']);
    expect(diskNames(resources[1]!, () => ({ properties: { label: 'state', size: 32 } }))).toEqual(['state']);
    expect(resources[1]!.resolveNested!(() => undefined)).toMatchObject({
      ok: false,
      error: { code: 'ResourceNotFound' },
    });
  });

  it('give their outputs to the outer template', () => {
    const template = templateOf({ resources: [], outputs: { size: { type: 'int', value: 32 } } });
    const outputs = { size: { type: 'int', value: "[reference('inner').outputs.size.value]" } };
    const evaluation = accept({ resources: [nested(template, {}, INNER)], outputs });
    const state = { properties: { outputs: { size: { type: 'Int', value: 32 } } } };
    expect(outputsOf(evaluation, () => state)).toEqual({ size: 32 });
  });

  it('name their providers with those of the outer template', () => {
    const template = templateOf({ resources: [disk('d')] });
    expect(accept({ resources: [nested(template, {}, INNER)] }).providers).toEqual([
      'Microsoft.Resources',
      'Microsoft.Compute',
    ]);
  });

  it('keep their own loops in scope outer', () => {
    const loop = disk("[concat('d', copyIndex())]", { copy: { name: 'l', count: 2 } });
    const [resource] = accept({ resources: [nested(templateOf({ resources: [loop] }))] }).resources;
    expect(diskNames(resource!)).toEqual(['d0', 'd1']);
  });

  it('are refused with the outer template', () => {
    const template = templateOf({ resources: [disk('d', { dependsOn: [diskId('nope')] })] });
    expect(refuse({ resources: [nested(template, {}, INNER)] }).message).toContain('is not defined in the template');
    const missing = templateOf({ parameters: { label: { type: 'string' } } });
    expect(refuse({ resources: [nested(missing, {}, INNER)] }).message).toContain("'label'");
  });
});
