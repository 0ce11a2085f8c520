/** A value that prints as `[redacted]` wherever it might be printed. It knows nothing of where secrets are kept. */
import { z } from 'zod';

const REDACTED = '[redacted]';

export class Secret {
  readonly #value: string;
  /** The reference as configured, such as `env:SMTP_PASSWORD`. */
  readonly reference: string;
  constructor(value: string, reference: string) {
    this.#value = value;
    this.reference = reference;
  }
  /** The value itself. Call it at the last moment, where it is sent. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return REDACTED;
  }
  toJSON(): string {
    return REDACTED;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

/** What a reference to a secret looks like in a configuration file. */
export const SECRET_REFERENCE = /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/;

/** Schema of a setting that holds a secret: in the file a reference, once loaded a `Secret`. */
export function secret() {
  return z
    .custom<Secret>((value) => value instanceof Secret, {
      error: 'a secret is given by reference: env:NAME or file:/path',
    })
    .meta({ secret: true, type: 'string', pattern: SECRET_REFERENCE.source });
}

/** Settings do not change once they are loaded, and each look asks. */
const known = new WeakMap<object, readonly Secret[]>();

/** All secrets anywhere in a settings value. */
export function secretsIn(value: unknown): readonly Secret[] {
  if (typeof value !== 'object' || value === null) return [];
  const before = known.get(value);
  if (before !== undefined) return before;
  const secrets = search(value);
  known.set(value, secrets);
  return secrets;
}

function search(value: unknown): Secret[] {
  if (value instanceof Secret) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(search);
}

/** `text` without any of the secrets, however they got there. Values shorter than four characters are left: they are everywhere. */
export function redact(text: string, secrets: readonly Secret[]): string {
  return secrets.reduce((rest, each) => {
    const value = each.reveal();
    if (value.length < 4) return rest;
    return [value, encodeURIComponent(value), base64(value)].reduce(
      (clean, form) => clean.replaceAll(form, REDACTED),
      rest,
    );
  }, text);
}

function base64(value: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(value)));
}
