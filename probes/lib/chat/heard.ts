/** Tells who spoke in a chat: ourselves, the system, a queue, a closed door, a bot or a person. Pure; it knows no socket. */
import { parseJson } from '../json.ts';
import type { Json } from '../json.ts';

/** What a message is. `person` only where the message itself says so; whoever is not known is `bot` or `system`. */
export type Voice = 'echo' | 'system' | 'queue' | 'closed' | 'bot' | 'person';

export interface Heard {
  readonly voice: Voice;
  /** The words meant for the customer; empty when there are none. */
  readonly text: string;
  /** The parsed message, when it is JSON. */
  readonly json: Json | undefined;
  /** A welcome, which answers nothing that was asked. */
  readonly greeting: boolean;
  readonly position?: number;
  readonly waitSeconds?: number;
}

/** As deep as anybody nests a chat message; a deeper one is read down to here. */
const DEPTH = 6;
const FIELDS = 400;
const TEXT_CAP = 8_000;

/** Keys whose value says who speaks or what kind of message this is. */
const ROLE_KEYS =
  /^(?:type|kind|event|event_?type|msg|message_?type|content_?type|role|sender|sender_?(?:type|role)|from|author|author_?type|user_?type|actor|origin|agent_?type|t)$/i;
const NAME_KEYS = /^(?:name|display_?name|full_?name|nickname|agent_?name|username)$/i;
const TEXT_KEYS = /^(?:text|message|body|content|msg|html|plain_?text|reply|answer)$/i;
/** Where the message proper may be wrapped in. */
const NESTS =
  /^(?:message|data|payload|event|body|content|from|sender|author|user|agent|queue|fields|result|params|meta|metadata|attributes)$/i;

const BOT =
  /(?:^|[^a-z])(?:chat)?bots?(?:$|[^a-z])|chatbot|(?:^|[^a-z])(?:virtual|assistant|automat(?:ed|ic|ion)|auto_?reply|auto_?responder|ai|asisten)(?:$|[^a-z])|机器人|機器人|智能客服|虚拟|自动回复/i;
const PERSON =
  /^(?:(?:agents?|human|operators?|staff|person)(?:_?(?:message|reply|text))?|people|support_?agent|live_?agent|admin|representative|advisor|cs_?agent|customer_?service|petugas|人工|人工客服|坐席)$/i;
const VISITOR = /^(?:customer|visitor|guest|client|end_?user|contact|me|self|incoming_?customer)$/i;
const SYSTEM =
  /^(?:system|notice|notification|status|info|typing|typing_(?:start|stop|on|off)|presence|ack|ping|pong|hello|ready|connected|welcome_?event|join(?:ed)?|leave|left|read|delivered|seen|session|subscribed|subscription|confirm_subscription|activity|heartbeat|error)$/i;
const QUEUED = /^(?:queue|queued|queue_?(?:update|position|position_?updated|status)|waiting|in_?queue|enqueued)$/i;
const CLOSED = /^(?:closed|offline|out_?of_?office|away|unavailable|after_?hours|office_?closed)$/i;
const GREETING = /^(?:greeting|welcome|welcome_?message|greet|salutation)$/i;

/** Phrases that say "nobody is here now", whoever says them. */
const CLOSED_SAID =
  /out of (?:the )?office|outside (?:of )?(?:our )?(?:business|office|service|working|operating|support|opening) hours|(?:we are|we're|chat is|support is|office is|agents? are|team is) (?:currently |now )?(?:closed|offline|away|not available|unavailable)|di luar jam (?:kerja|operasional|layanan|kantor|buka)|sedang (?:offline|tutup|tidak aktif)|(?:kami|layanan|chat|kantor) (?:sudah|telah|saat ini|sedang) tutup|(?:非|不在)(?:工作|服务|服務|营业|營業|上班)(?:时间|時間|时段)|客服(?:人员|人員)?(?:当前|目前|暂时|现在|暫時)?(?:不在线|不在線|离线|離線)|(?:已经|已|均已|都)下班/i;
/** A bare word is enough from a system; from a person it may be about the customer's own phone. */
const CLOSED_WORD = /\boffline\b|不在线|不在線|下班|离线|離線/i;
const QUEUE_SAID =
  /\bqueue\b|\bin line\b|\bin the line\b|\bantri(?:an)?\b|\bantre(?:an)?\b|排队|排隊|前面还有|前面還有|第\s?\d{1,5}\s?[位名]|ahead of you|people (?:are )?waiting|di depan anda|posisi anda/i;
/** "Hello" may begin an answer; these begin a conversation. */
const GREETING_SAID =
  /welcome|selamat datang|欢迎|歡迎|how (?:can|may) (?:we|i) (?:help|assist)|(?:ada )?yang bisa (?:kami |saya )?(?:di)?bantu|有什么(?:可以|能)|請問有什麼|请问有什么/i;

/** Place in the queue as said in three languages; at most five digits, so that no ticket number is taken for one. */
const POSITIONS = [
  /(?:position|posisi|nomor antrian|nomor antrean|urutan|number)\D{0,24}?(\d{1,5})(?!\d)/i,
  /(?:antrian|antrean|queue)\D{0,24}?(\d{1,5})(?!\d)/i,
  /(?:前面还有|前面還有|排在第|第)\D{0,4}(\d{1,5})\s?[位名人个個]/,
  /(\d{1,5})\s?(?:people|persons|customers|others?|orang|pelanggan|位|人)/i,
];
const WAIT = /(\d{1,4})\s?(seconds?|secs?|detik|秒|minutes?|mins?|menit|分钟|分鐘|hours?|jam|小时|小時)/i;

interface Marks {
  /** Values of the fields that say who speaks. */
  readonly roles: string[];
  readonly names: string[];
  readonly texts: string[];
  bot: boolean | undefined;
  /** `online: false`, `out_of_office: true`. */
  closed: boolean;
  position: number | undefined;
  waitSeconds: number | undefined;
  fields: number;
}

/** Reads one message. `sent` are the messages that we sent in this conversation, as they went out. */
export function hear(raw: string, sent: readonly string[]): Heard {
  const json = parse(raw);
  const marks = json === undefined ? textMarks(raw) : collect(json);
  const text = clean(marks.texts.join('\n'));
  const queue = queueOf(marks, text);
  const voice = isEcho(raw, text, marks, sent) ? 'echo' : voiceOf(marks, text, queue.isQueue);
  return {
    voice,
    text,
    json,
    greeting: voice === 'bot' && (marks.roles.some((role) => GREETING.test(role)) || GREETING_SAID.test(text)),
    ...(queue.position === undefined ? {} : { position: queue.position }),
    ...(queue.waitSeconds === undefined ? {} : { waitSeconds: queue.waitSeconds }),
  };
}

/** Begins like an object or a list; `[Sari] hello` does not. */
const JSON_LIKE = /^\s*(?:\{\s*["}]|\[\s*(?:["{[\]\d-]|true|false|null))/;

/** Objects and lists only: a bare `42` or `"ok"` is plain text. */
function parse(raw: string): Json | undefined {
  if (!JSON_LIKE.test(raw)) return undefined;
  const parsed = parseJson(raw);
  return parsed.ok ? parsed.value : undefined;
}

function clean(text: string): string {
  return text.slice(0, TEXT_CAP).normalize('NFKC').trim();
}

function fresh(texts: string[]): Marks {
  return {
    roles: [],
    names: [],
    texts,
    bot: undefined,
    closed: false,
    position: undefined,
    waitSeconds: undefined,
    fields: 0,
  };
}

/** A page, or JSON that is broken or too deep, is nobody's words, whatever words are in it. */
function textMarks(raw: string): Marks {
  return JSON_LIKE.test(raw) || /^\s*<(?:!doctype|html|head|body)\b/i.test(raw)
    ? { ...fresh([raw]), roles: ['error'] }
    : fresh([raw]);
}

function collect(json: unknown): Marks {
  const marks = fresh([]);
  walk(json, '', 0, marks);
  return marks;
}

function walk(value: unknown, under: string, depth: number, marks: Marks): void {
  if (typeof value !== 'object' || value === null || depth > DEPTH) return;
  if (Array.isArray(value)) {
    for (const each of value.slice(0, 20)) walk(each, under, depth + 1, marks);
    return;
  }
  for (const [key, each] of Object.entries(value)) {
    marks.fields += 1;
    if (marks.fields > FIELDS) return;
    note(key, each, under, marks);
    if (NESTS.test(key)) walk(each, key, depth + 1, marks);
  }
}

function note(key: string, value: unknown, under: string, marks: Marks): void {
  if (typeof value === 'boolean') {
    noteFlag(key, value, marks);
    return;
  }
  if (typeof value === 'number' || typeof value === 'string') noteNumber(key, value, under, marks);
  if (typeof value !== 'string') return;
  if (ROLE_KEYS.test(key) && value.length <= 40) marks.roles.push(value.trim());
  if (NAME_KEYS.test(key) && value.length <= 80) marks.names.push(value);
  if (TEXT_KEYS.test(key)) marks.texts.push(value);
  if (/^errors?$/i.test(key)) marks.roles.push('error');
  // A ticket's `status: closed` is no closed office.
  if (/^(?:status|state|availability)$/i.test(key) && CLOSED.test(value) && value !== 'closed') marks.closed = true;
}

function noteFlag(key: string, value: boolean, marks: Marks): void {
  if (/^(?:is_?)?(?:bot|automated|auto|virtual|ai)$/i.test(key)) marks.bot = value || marks.bot === true;
  if (/^(?:is_?)?(?:human|agent|person)$/i.test(key) && value) marks.roles.push('human');
  if (/^(?:success|ok)$/i.test(key) && !value) marks.roles.push('error');
  if (/^(?:out_?of_?office|is_?closed|closed|offline|is_?offline)$/i.test(key) && value) marks.closed = true;
  if (/^(?:is_?)?(?:online|available|open|agents_?online)$/i.test(key) && !value) marks.closed = true;
}

function noteNumber(key: string, value: number | string, under: string, marks: Marks): void {
  const number = Number(value);
  if (value === '' || !Number.isFinite(number) || number < 0 || number > 99_999) return;
  if (/^(?:queue_?position|position_?in_?queue|queue_?number)$/i.test(key)) marks.position = number;
  if (/^(?:position|number)$/i.test(key) && (/queue/i.test(under) || marks.roles.some((role) => QUEUED.test(role))))
    marks.position = number;
  if (/^(?:estimated_?wait(?:_?(?:time|seconds))?|wait_?(?:time|seconds)|ewt|estimated_?seconds)$/i.test(key))
    marks.waitSeconds = number;
  if (/^(?:estimated_?)?wait_?minutes$/i.test(key)) marks.waitSeconds = number * 60;
}

/** Our own words coming back, or words marked as a visitor's. A parrot is no answer. */
function isEcho(raw: string, text: string, marks: Marks, sent: readonly string[]): boolean {
  if (marks.roles.some((role) => VISITOR.test(role))) return true;
  return sent.some((ours) => {
    if (raw.trim() === ours.trim()) return true;
    const said = sentText(ours);
    return said !== '' && text === said;
  });
}

function sentText(ours: string): string {
  const json = parse(ours);
  return clean(json === undefined ? ours : collect(json).texts.join('\n'));
}

function voiceOf(marks: Marks, text: string, isQueue: boolean): Voice {
  if (marks.closed || marks.roles.some((role) => CLOSED.test(role)) || CLOSED_SAID.test(text)) return 'closed';
  if (isQueue) return 'queue';
  // A list of agents or "agent is typing" is no answer: whoever speaks, speaks words.
  if (text === '') return 'system';
  if (marks.roles.some((role) => SYSTEM.test(role))) return CLOSED_WORD.test(text) ? 'closed' : 'system';
  return speakerOf(marks, text);
}

function speakerOf(marks: Marks, text: string): Voice {
  if (marks.bot === true || [...marks.roles, ...marks.names].some((each) => BOT.test(each))) return 'bot';
  if (marks.bot === false || marks.roles.some((role) => PERSON.test(role))) return 'person';
  return CLOSED_WORD.test(text) && text.length <= 300 ? 'closed' : 'bot';
}

function queueOf(marks: Marks, text: string): { isQueue: boolean; position?: number; waitSeconds?: number } {
  const said = QUEUE_SAID.test(text);
  const isQueue = marks.position !== undefined || marks.roles.some((role) => QUEUED.test(role)) || said;
  if (!isQueue) return { isQueue };
  const position = marks.position ?? positionIn(text);
  const waitSeconds = marks.waitSeconds ?? waitIn(text);
  // An agent may speak of a queue at a counter; a notice about ours has a place or a wait in it, or is marked as one.
  const isNotice =
    !said || position !== undefined || waitSeconds !== undefined || !marks.roles.some((role) => PERSON.test(role));
  return {
    isQueue: isNotice,
    ...(position === undefined ? {} : { position }),
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  };
}

function positionIn(text: string): number | undefined {
  const found = POSITIONS.map((pattern) => pattern.exec(text)?.[1]).find((each) => each !== undefined);
  return found === undefined ? undefined : Number(found);
}

function waitIn(text: string): number | undefined {
  const match = WAIT.exec(text);
  if (match === null) return undefined;
  const unit = (match[2] ?? '').toLowerCase();
  const seconds = /^(?:s|detik|秒)/.test(unit) ? 1 : /^(?:m|分)/.test(unit) ? 60 : 3_600;
  return Number(match[1]) * seconds;
}
