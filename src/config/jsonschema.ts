/** The format as JSON Schema 2020-12, so that editors complete and check a configuration while it is written. */
import { z } from 'zod';
import { fileSchema } from './schema.ts';
import type { Kinds } from './settings.ts';

type Json = Record<string, unknown>;

/** Made from the schemas that validate, with each kind's settings where its name stands. Two runs give the same text. */
export function jsonSchema(kinds: Kinds): object {
  const whole = draw(fileSchema);
  const probes = [...kinds.probes].sort(byName);
  const receivers = [...kinds.receivers].sort(byName);
  const target = at(whole, 'providers', 'items', 'channels', 'items', 'targets', 'items');
  fillTarget(target, probes);
  const receiver = at(whole, 'receivers', 'items');
  fillReceiver(receiver, receivers);
  const settings = [
    ...probes.map(([name, kind]) => [`probe-${name}`, kind.schema] as const),
    ...receivers.map(([name, kind]) => [`receiver-${name}`, kind.schema] as const),
  ];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Ringback configuration',
    ...without(whole, '$schema'),
    $defs: Object.fromEntries(settings.map(([name, schema]) => [name, moved(draw(schema), `#/$defs/${name}`)])),
  };
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** As it is written in a file: defaults may be left out, durations are text. */
function draw(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema: json }: { jsonSchema: Json }) => {
      // `secret` marks a slot for the loader; JSON Schema's word for it is writeOnly.
      if (json['secret'] === true) {
        delete json['secret'];
        json['writeOnly'] = true;
      }
      // Defaults stand in the schema as they are once loaded (milliseconds, host and port), not as they are written.
      delete json['default'];
    },
  });
}

/** Follows property names, and `items` of lists. */
function at(schema: Json, ...steps: readonly string[]): Json {
  return steps.reduce(
    (json, step) => (step === 'items' ? json['items'] : (json['properties'] as Json)[step]) as Json,
    schema,
  );
}

/** A schema that was a document of its own, with its references to itself led to where it stands now. */
function moved(schema: Json, to: string): Json {
  const lead = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(lead);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) =>
        key === '$ref' && typeof each === 'string' ? [key, to + each.slice(1)] : [key, lead(each)],
      ),
    );
  };
  return lead(without(schema, '$schema')) as Json;
}

function without(json: Json, key: string): Json {
  return Object.fromEntries(Object.entries(json).filter(([name]) => name !== key));
}

function fillTarget(target: Json, kinds: readonly (readonly [string, { readonly summary: string }])[]): void {
  const properties = target['properties'] as Json;
  properties['probe'] = {
    description: 'kind of probe',
    oneOf: kinds.map(([name, kind]) => ({ const: name, description: kind.summary })),
  };
  target['oneOf'] = [{ required: ['every'] }, { required: ['cron'] }];
  target['allOf'] = kinds.map(([name]) => ({
    if: { properties: { probe: { const: name } }, required: ['probe'] },
    // A missing `with` is an empty one; editors point at what it lacks once it is there.
    then: { properties: { with: { $ref: `#/$defs/probe-${name}` } } },
  }));
}

function fillReceiver(receiver: Json, kinds: readonly (readonly [string, { readonly summary: string }])[]): void {
  const properties = receiver['properties'] as Json;
  for (const [name, kind] of kinds) {
    properties[name] = { $ref: `#/$defs/receiver-${name}`, description: kind.summary };
  }
  receiver['additionalProperties'] = false;
  // Its name and one kind.
  receiver['minProperties'] = 2;
  receiver['maxProperties'] = 2;
}
