/** What the course of a chat comes to: phases, facts, rung and fault. It knows no wire and no vendor. */
import { degraded, failed, fault, ok, printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Fact, Finding, Rung, Sight } from '../../../src/core/model.ts';
import { findingOf } from '../connector.ts';
import type { Course } from './conversation.ts';

/** Phases that a conversation adds, for the closed list of a kind. A bot's first words and a person's are two numbers. */
export const SPOKEN = ['greeting', 'first_reply', 'first_person_reply'] as const;

/** The finding of a chat that was open. `before`: what is known from opening it; `soon`: a certificate about to expire. */
export function concluded(course: Course, before: Sight, soon: Fault | undefined): Finding {
  const told: Sight = {
    phases: { ...before.phases, ...phasesOf(course) },
    facts: { ...before.facts, ...factsOf(course) },
  };
  const finding = judge(course, told);
  if (finding.kind !== 'ok') return { ...finding, evidence: [course.evidence] };
  return soon === undefined ? finding : degraded(finding.rung, soon, told);
}

function phasesOf({ greetingMs, firstReplyMs, firstPersonReplyMs }: Course): Record<string, number> {
  return {
    ...(greetingMs === undefined ? {} : { greeting: greetingMs }),
    ...(firstReplyMs === undefined ? {} : { first_reply: firstReplyMs }),
    ...(firstPersonReplyMs === undefined ? {} : { first_person_reply: firstPersonReplyMs }),
  };
}

function factsOf(course: Course): Record<string, Fact> {
  const responder = course.heardPerson ? 'person' : course.heardBot ? 'bot' : 'system';
  return {
    responder,
    out_of_office: course.ending.kind === 'closed',
    ...(course.position === undefined ? {} : { queue_position: course.position }),
    ...(course.waitSeconds === undefined ? {} : { estimated_wait: course.waitSeconds }),
    ...(course.closeCode === undefined ? {} : { close_code: course.closeCode }),
  };
}

/** The subprotocol of a WebSocket as a fact; none when none was agreed on. */
export const subprotocolFact = (subprotocol: string): Record<string, Fact> =>
  subprotocol === '' ? {} : { subprotocol: printable(subprotocol).slice(0, 80) };

function judge(course: Course, sight: Sight): Finding {
  const { ending } = course;
  const rung = rungOf(course);
  switch (ending.kind) {
    case 'played':
      if (rung === 'accepting' && course.heardQueue) return degraded(rung, queued(course), sight);
      if (course.foreign !== undefined) return degraded(rung, course.foreign, sight);
      return ok(rung, sight);
    case 'closed':
      if (course.heardPerson) return ok(rung, sight);
      return failed('accepting', fault('OUT_OF_OFFICE', 'the chat says that nobody is there now'), sight);
    case 'uncaptured':
      return failed(rung, fault('CONTENT', `the reply has no "${ending.name}" to capture`), sight);
    case 'ended':
      return findingOf(ending.fault, rung, sight);
    case 'waited':
      return unanswered(course, ending, sight);
  }
}

function unanswered(course: Course, ending: Extract<Course['ending'], { kind: 'waited' }>, sight: Sight): Finding {
  const { expected, step } = ending;
  const rung = rungOf(course);
  const heard = course.heardBot || course.heardPerson;
  if (heard && expected.from === 'anyone')
    return failed(rung, fault('CONTENT', `what was said is not what step ${step} expects`), sight);
  if (course.heardQueue) return degraded(rung, queued(course), sight);
  if (heard) return degraded(rung, fault('NO_REPLY', `a bot answered, a person did not (step ${step})`), sight);
  return failed(rung, fault('NO_REPLY', `the chat opened and nobody answered in time (step ${step})`), sight);
}

function rungOf(course: Course): Rung {
  if (course.heardPerson) return 'answered_by_person';
  return course.heardBot ? 'answered' : 'accepting';
}

function queued({ position, waitSeconds }: Course): Fault {
  const place = position === undefined ? 'the place is not told' : `place ${position}`;
  const wait = waitSeconds === undefined ? '' : `, about ${waitSeconds} s`;
  return fault('OVERLOAD', `in the queue, nobody answered yet (${place}${wait})`);
}
