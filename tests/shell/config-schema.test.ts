/** The JSON Schema for editors: made from what validates, and never older than it. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { jsonSchema } from '../../src/config/jsonschema.ts';
import { fixtures, realKinds } from '../lib/drawers.ts';

interface Json {
  readonly [key: string]: Json;
}

const drawn = JSON.parse(JSON.stringify(jsonSchema(fixtures))) as Json;

/** Follows property names; `[]` is the schema of a list's items. */
function at(path: string): Json {
  return path.split('.').reduce((json, step) => (step === '[]' ? json['items']! : json['properties']![step]!), drawn);
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Every schema of an object, wherever it stands. */
function objectsIn(json: unknown): Json[] {
  if (!isObject(json)) return [];
  const inside = Object.values(json).flatMap(objectsIn);
  return 'properties' in json && 'additionalProperties' in json ? [json, ...inside] : inside;
}

describe('the JSON Schema', () => {
  it('in config/ is not stale: after a change of settings, run `npm run -s schema > config/ringback.schema.json`', async () => {
    const stored: unknown = JSON.parse(
      await readFile(new URL('../../config/ringback.schema.json', import.meta.url), 'utf8'),
    );
    expect(stored).toEqual(JSON.parse(JSON.stringify(jsonSchema(await realKinds()))));
  });

  it('of the real kinds has no reference that leads nowhere', async () => {
    const whole: unknown = JSON.parse(JSON.stringify(jsonSchema(await realKinds())));
    const references = [...JSON.stringify(whole).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(7);
    for (const reference of new Set(references)) {
      const found = reference
        .split('/')
        .reduce<unknown>((json, step) => (isObject(json) ? json[step] : undefined), whole);
      expect(found, reference).toBeDefined();
    }
  });

  it('is of draft 2020-12 and the same each time', () => {
    expect(drawn['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(JSON.stringify(jsonSchema(fixtures))).toBe(JSON.stringify(jsonSchema(fixtures)));
  });

  it('refuses unknown keys on every level, as the loader does', () => {
    expect(drawn['additionalProperties']).toBe(false);
    const open = objectsIn(drawn).filter((each) => (each['additionalProperties'] as unknown) !== false);
    expect(open).toEqual([]);
  });

  it('asks only for what has no default, and shows no default in the loader’s own form', () => {
    expect(drawn['required']).toEqual(['providers']);
    expect(at('providers.[]')['required']).toEqual(['id', 'name', 'timezone', 'channels']);
    expect(at('providers.[].channels.[].targets.[]')['required']).toEqual(['id', 'probe']);
    expect(JSON.stringify(drawn)).not.toContain('"default"');
  });

  it('knows a duration, an id and a secret by their form', () => {
    const every = at('providers.[].channels.[].targets.[].every');
    const form = new RegExp(every['pattern'] as unknown as string, 'u');
    expect(['30s', '1.5h', '35d', '30', '30 s', 's'].filter((text) => form.test(text))).toEqual(['30s', '1.5h', '35d']);
    expect(at('providers.[].id')['pattern']).toBeDefined();
    expect(at('operator.tokens.[]')).toMatchObject({ type: 'string', writeOnly: true });
    expect(at('operator.tokens.[]')).not.toHaveProperty('secret');
  });

  it('checks `with` by the kind that stands under `probe`, and names the kinds', () => {
    const target = at('providers.[].channels.[].targets.[]');
    expect(target['properties']!['probe']!['oneOf']).toEqual([
      { const: 'call', description: 'rings a person' },
      { const: 'knock', description: 'knocks on a door' },
    ]);
    expect(target['allOf']).toContainEqual({
      if: { properties: { probe: { const: 'knock' } }, required: ['probe'] },
      then: { properties: { with: { $ref: '#/$defs/probe-knock' } } },
    });
    expect(drawn['$defs']!['probe-knock']).toMatchObject({ type: 'object', required: ['address'] });
  });

  it('gives a receiver its name and one kind', () => {
    expect(at('receivers.[]')).toMatchObject({ required: ['name'], minProperties: 2, maxProperties: 2 });
    expect(Object.keys(at('receivers.[]')['properties']!)).toEqual(['name', 'email', 'webhook']);
  });
});
