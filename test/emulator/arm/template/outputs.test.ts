import { describe, expect, it } from 'vitest';
import { accept, disk, diskId, outputsOf, refuse } from './probe.ts';

describe('outputs', () => {
  it('have the spelling of ARM for their types, loops, and conditions, and no value when secure', () => {
    const outputs = {
      names: { type: 'ARRAY', copy: { count: 2, input: "[concat('n', copyIndex(1))]" } },
      skipped: { type: 'string', condition: '[equals(1, 2)]', value: 'x' },
      secret: { type: 'securestring', value: 'hidden' },
      tree: { type: 'object', value: { size: "[reference('d').size]" } },
    };
    const evaluation = accept({ resources: [disk('d')], outputs });
    expect(evaluation.outputs(() => ({ properties: { size: 32 } }))).toEqual({
      ok: true,
      outputs: {
        names: { type: 'Array', value: ['n1', 'n2'] },
        secret: { type: 'SecureString' },
        tree: { type: 'Object', value: { size: 32 } },
      },
    });
  });

  it('that cannot be evaluated are told one by one', () => {
    const outputs = {
      good: { type: 'int', value: 1 },
      size: { type: 'int', value: "[reference('d').size]" },
      kind: { type: 'string', value: "[reference('d').kind]" },
    };
    expect(accept({ resources: [disk('d')], outputs }).outputs(() => ({ properties: { kind: 1 } }))).toEqual({
      ok: false,
      error: {
        code: 'DeploymentOutputEvaluationFailed',
        message:
          "Unable to evaluate template outputs: 'size,kind'. Please see error details and deployment operations. Please see https://aka.ms/arm-debug for usage details.",
        details: [
          {
            code: 'DeploymentOutputEvaluationFailed',
            target: 'size',
            message:
              "The template output 'size' is not valid: The language expression property 'size' doesn't exist, available properties are 'kind'..",
          },
          {
            code: 'DeploymentOutputEvaluationFailed',
            target: 'kind',
            message: expect.stringContaining("Expected 'String, Uri'. Actual 'Integer'.") as string,
          },
        ],
      },
    });
  });

  it('of a resource that is not there fail as the read does', () => {
    const outputs = { size: { type: 'int', value: `[reference('${diskId('gone')}', '2024-03-02').size]` } };
    expect(accept({ outputs }).outputs(() => undefined)).toMatchObject({
      ok: false,
      error: { code: 'ResourceNotFound' },
    });
  });

  it('read another resource than that of their branch only when it is taken', () => {
    const outputs = {
      size: { type: 'int', value: `[if(false(), reference('${diskId('gone')}', '2024-03-02').size, 5)]` },
    };
    expect(outputsOf(accept({ outputs }))).toEqual({ size: 5 });
  });

  it('are checked with the template', () => {
    const wrong = { size: { type: 'int', value: "[parameters('nope')]" } };
    expect(refuse({ outputs: wrong }).message).toContain("The template output 'size' at line '1' and column");
    expect(refuse({ outputs: { size: { value: 1 } } }).message).toContain("Required property 'type' not found in JSON");
  });
});
