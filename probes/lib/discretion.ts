/** Takes secrets out of what a look brings home, for a far side may echo what we sent. It knows no protocol. */
import { redact, secretsIn } from '../../src/core/secret.ts';

import type { Fact, Finding } from '../../src/core/model.ts';

/** The same finding without any secret of `settings` in its message, facts, notices or evidence. */
export function discreet(finding: Finding, settings: unknown): Finding {
  const secrets = secretsIn(settings);
  if (secrets.length === 0) return finding;
  const clean = (text: string): string => redact(text, secrets);
  const facts = Object.fromEntries(Object.entries(finding.facts).map(([name, fact]) => [name, cleanFact(fact, clean)]));
  const evidence = finding.evidence?.map((each) => ({ ...each, text: clean(each.text) }));
  const notices = finding.notices?.map((each) => ({
    ...each,
    title: clean(each.title),
    matched: clean(each.matched),
    ...(each.link === undefined ? {} : { link: clean(each.link) }),
  }));
  const sight = {
    facts,
    ...(evidence === undefined ? {} : { evidence }),
    ...(notices === undefined ? {} : { notices }),
  };
  if (finding.kind === 'ok') return { ...finding, ...sight };
  return { ...finding, ...sight, fault: { ...finding.fault, message: clean(finding.fault.message) } };
}

function cleanFact(fact: Fact, clean: (text: string) => string): Fact {
  if (typeof fact === 'string') return clean(fact);
  return typeof fact === 'object' && fact !== null ? fact.map(clean) : fact;
}

/** Values of headers that are a secret however they came: seen in evidence only as redacted. */
export const DISCREET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
]);
